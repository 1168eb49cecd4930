"""The number of Hypothesis examples for tests whose examples are slow."""

import hypothesis


def few_examples() -> hypothesis.settings:
    """Return settings with 30 examples, or with 300 in a soak."""
    profile = hypothesis.settings.get_current_profile_name()
    return hypothesis.settings(
        deadline=None, max_examples=300 if profile == "soak" else 30
    )
