"""One profile for every property: machines are slow at times, so that a deadline would test the machine."""

from hypothesis import settings

settings.register_profile("cftdata", deadline=None)
settings.load_profile("cftdata")
