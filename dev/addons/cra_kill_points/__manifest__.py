{
    "name": "CRA: kill points",
    "summary": "Server-wide, for dev/test only: dies at a named point",
    "author": "sale_timesheet_cra contributors",
    "license": "LGPL-3",
    "depends": ["base"],
    "installable": False,
}
