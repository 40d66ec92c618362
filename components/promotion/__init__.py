"""The rule that decides whether a candidate becomes champion."""
