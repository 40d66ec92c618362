"""`zenml pipeline run embed_users`: the bare name resolves to the pipeline object.

ZenML imports a name without a dot as a module and wants a pipeline; `import_module` returns
what stands in `sys.modules`, so this module puts the pipeline there. It sets nothing else up.
"""

import sys

from pipelines.embed_users import embed_users

sys.modules[__name__] = embed_users  # type: ignore[assignment]
