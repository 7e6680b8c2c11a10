# Zoeken.
search = Zoek
search-for = Zoek: { $q }
search-lead = In alles wat jij mag zien: onderwerp, tekst, bijlagen, waarneembaren, besturen. Tikfouten mogen.
search-label = Wat zoek je?
search-hint = Een nummer, een bestuur, een woord, of een waarneembaar zoals 192.0.2.0/24.
search-do = Zoek
search-none = Niets gevonden voor { $q }
search-none-text = Kijk de spelling na, of zoek een deel van het woord.
search-count = { $n ->
    [one] 1 gevonden
   *[other] { $n } gevonden
}
search-corrected = Niets voor **{ $typed }**; gezocht naar **{ $read }**.
hit-report = melding
hit-incident = incident
hit-board = bestuur
hit-observable = waarneembaar
met-reference = nummer
met-title = titel
met-subject = onderwerp
met-sender = afzender
met-text = tekst
met-body = tekst
met-attachment = bijlage
met-observable = waarneembaar
met-board = bestuur
met-other = gevonden
