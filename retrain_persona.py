"""`zenml pipeline run retrain_persona`: the bare name resolves to the pipeline object.

ZenML imports a name without a dot as a module and wants a pipeline; `import_module` returns
what stands in `sys.modules`, so this module puts the pipeline there. It sets nothing else up.
"""

import sys

from pipelines.retrain_persona import retrain_persona

sys.modules[__name__] = retrain_persona  # type: ignore[assignment]
