# Boards.
boards-title = { $n ->
    [one] 1 board
   *[other] { $n } boards
}
boards-title-hit = { $hit ->
    [one] One of { $n } boards is hit now
   *[other] { $spelled } of { $n } boards are hit now
}
boards-lead = The register, with what you may see about each.
boards-counts = { $hit } hit now, { $open } with an incident running, { $reports } with reports.
boards-shown = { $from } to { $to } of { $total }
boards-table = As a table (CSV)
boards-open = Running incidents
boards-active = only with reports or incidents
boards-none = No register yet
boards-none-text = Load it on the terminal: bolwerk register load flanders. Source: Statbel.
boards-nothing = No board fits
boards-nothing-text = Check the name; former names work too.
province = Province
population = Inhabitants
board-hit = hit now
board-incident = incident running
board-reports = reports
board-quiet = nothing reported
board-head = { $population } inhabitants, { $province }
board-no-incidents = No incident that you may see.
board-no-reports = No report that you may see.
refnis = REFNIS { $code }
board-kind-municipality = municipality
board-kind-social-welfare = public welfare centre
board-kind-municipal-company = municipal company
board-kind-police-zone = police zone
board-kind-rescue-zone = rescue zone
board-kind-intermunicipal = intermunicipal company
board-kind-province = province
register = Register
register-source = Source: Statbel (CC BY 4.0). In the demonstration the names are invented.
valid-from = Exists since
valid-to = Existed until
successors = Merged into
predecessors = Formed from
former-names = Other names
domains = Mail domains
neighbours = Neighbours
