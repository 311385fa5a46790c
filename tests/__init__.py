from . import test_lean_pdf
