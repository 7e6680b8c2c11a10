# Besturen.
boards-title = { $n ->
    [one] 1 bestuur
   *[other] { $n } besturen
}
boards-title-hit = { $hit ->
    [one] Eén van { $n } besturen is nu geraakt
   *[other] { $spelled } van { $n } besturen zijn nu geraakt
}
boards-lead = Het register, met wat jij over elk mag zien.
boards-counts = { $hit } nu geraakt, { $open } met een lopend incident, { $reports } met meldingen.
boards-shown = { $from } tot { $to } van { $total }
boards-table = Als tabel (CSV)
boards-open = Lopende incidenten
boards-active = alleen met meldingen of incidenten
boards-none = Nog geen register
boards-none-text = Laad het op de terminal: bolwerk register load flanders. Bron: Statbel.
boards-nothing = Geen bestuur past
boards-nothing-text = Kijk de naam na; oude namen werken ook.
province = Provincie
population = Inwoners
board-hit = nu geraakt
board-incident = incident loopt
board-reports = meldingen
board-quiet = niets gemeld
board-head = { $population } inwoners, { $province }
board-no-incidents = Geen incident dat jij mag zien.
board-no-reports = Geen melding die jij mag zien.
refnis = REFNIS { $code }
board-kind-municipality = gemeente
board-kind-social-welfare = OCMW
board-kind-municipal-company = autonoom gemeentebedrijf
board-kind-police-zone = politiezone
board-kind-rescue-zone = hulpverleningszone
board-kind-intermunicipal = intercommunale
board-kind-province = provincie
register = Register
register-source = Bron: Statbel (CC BY 4.0). In de demo zijn de namen verzonnen.
valid-from = Bestaat sinds
valid-to = Bestond tot
successors = Ging op in
predecessors = Ontstond uit
former-names = Andere namen
domains = Maildomeinen
neighbours = Buren
