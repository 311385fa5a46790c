from . import cra_generate
