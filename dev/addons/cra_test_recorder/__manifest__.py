{
    "name": "CRA: test results as JSON lines",
    "summary": "Server-wide, for dev/test only: records what became of each test",
    "author": "sale_timesheet_cra contributors",
    "license": "LGPL-3",
    "depends": ["base"],
    "installable": False,
}
