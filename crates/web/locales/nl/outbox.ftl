# Mail die weggaat.
outbox-empty-title = Alle mail is weg
outbox-waiting-title = { $n ->
    [one] Eén mail is onderweg
   *[other] { $spelled } mails zijn onderweg
}
outbox-bad-title = { $n ->
    [one] Eén mail is niet aangekomen: { $which }
   *[other] { $spelled } mails zijn niet aangekomen: { $which }
}
outbox-lead = Elke mail heeft één Message-ID en gaat één keer weg. De nieuwste staat boven.
outbox-none = Geen mail
outbox-none-text = Niets past bij deze keuze. Antwoorden en ontvangstmeldingen verschijnen hier vanzelf.
standing-waiting = klaar om te gaan
standing-retrying = nog niet gelukt
standing-sent = weg
standing-failed = opgegeven
standing-bounced = teruggekomen
standing-since-waiting = klaar sinds
standing-since-retrying = bezig sinds
standing-since-sent = weg sinds
standing-since-failed = opgegeven op
standing-since-bounced = teruggekomen op
letter-withdraw = Trek in
standing-withdrawn = ingetrokken
standing-since-withdrawn = ingetrokken op
next-try = volgende poging
tries = { $n ->
    [one] 1 poging
   *[other] { $n } pogingen
}
retry = Probeer opnieuw
bounce-look = Lees wat terugkwam:
purpose-receipt = ontvangstmelding
purpose-reply = antwoord
sink = Testbak
sink-open = Bekijk de testbak: mails van de demo
sink-lead = In de demo gaat mail niet naar buiten. { $n ->
    [one] Deze ene zou weg zijn.
   *[other] Deze { $n } zouden weg zijn.
}
sink-read = Lees
