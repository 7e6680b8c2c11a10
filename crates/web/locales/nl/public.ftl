# De publieke pagina: bellen, het eerste uur, melden.
public-title = Is uw bestuur geraakt? Bel nu.
public-title-no-phone = Is uw bestuur geraakt? Meld het nu.
public-mend = Uw melding is nog niet weg.
public-lead = Dag en nacht. Binnen een half uur hebt u een mens aan de lijn.
public-lead-no-phone = Dag en nacht. Binnen een half uur belt een mens u op.
public-duty = De wacht
public-duty-of = De wacht van { $team }
public-quick = Snel
public-call = Bel de wacht
public-report-short = Meld het hier
public-report = Of meld het hier, zonder account
public-report-only = Meld het hier, zonder account
public-board = Welk bestuur?
public-board-hint = Gemeente, OCMW, politiezone, woonzorgcentrum … Weet u het niet? Laat het leeg.
public-name = Uw naam
public-phone = Op welk nummer bereiken wij u nu?
public-phone-hint = Een privénummer is goed.
public-email = Uw mailadres
public-email-hint = Liefst geen adres van het bestuur zelf: de aanvaller leest misschien mee. Eén van beide volstaat.
public-hit = Het gebeurt nu.
public-hit-hint = Wij bellen u binnen een half uur.
public-what = Wat gebeurt er?
public-what-hint = Mag kort. Zet hier geen wachtwoorden.
public-files = Foto's of bestanden
public-files-hint = Mag leeg. Hoogstens { $n } bestanden, samen { $size }.
public-files-kept = Deze bestanden hebben wij al: { $names }.
public-send = Verstuur de melding
public-promise = U ziet meteen een nummer, zoals **M-7KQ4-92XD**. Pas dan is uw melding aangekomen. Ziet u geen nummer? Bel dan.
public-promise-no-phone = U ziet meteen een nummer, zoals **M-7KQ4-92XD**. Pas dan is uw melding aangekomen. Ziet u geen nummer? Probeer opnieuw.
public-mail = Liever mailen? { $address }. Wij gooien geen mail weg, ook niet als wij ze niet kunnen lezen.
public-data = Wat u schrijft, lezen alleen wij. Het wordt versleuteld bewaard.
public-err-reach = Hoe bereiken wij u? Schrijf een telefoonnummer of een mailadres.
public-err-phone = Telefoon: hier staat iets anders dan een nummer. Schrijf alleen cijfers, zoals 0470 00 00 00.
public-err-email = Mail: dit is geen mailadres. Schrijf het zoals naam@voorbeeld.be.
public-err-what = Wat gebeurt er? Schrijf één zin. Dat is genoeg.
public-err-what-long = Wat gebeurt er? Dit is te lang. Houd het bij { $n } tekens.
public-err-long = Dit is te lang. Houd het bij { $n } tekens.
public-err-broken = Bestanden: het versturen brak af. Kies ze opnieuw, of verstuur zonder bestanden.
public-err-frozen = Dit is niet bewaard. Onze opslag antwoordt niet. Wat u schreef, staat er nog. Bel, of probeer opnieuw.
public-note-left-out = Bolwerk: { $n ->
    [one] 1 bestand kwam
   *[other] { $n } bestanden kwamen
} niet mee: te groot of te veel.
public-note-trap = Bolwerk: een veld dat mensen niet zien, was ingevuld. Misschien een machine.
public-note-many = Bolwerk: uitzonderlijk veel meldingen van hetzelfde adres in één uur.
received-title = Uw melding is aangekomen
received-number = Uw nummer is
received-at = Aangekomen op
received-next = Wat nu gebeurt
received-call-by = Wij bellen u vóór
received-read = Een mens leest uw melding en antwoordt u.
received-no-call = Hoort u niets? Bel ons, en geef uw nummer op.
received-left-out = { $n ->
    [one] 1 bestand kwam niet mee: te groot of te veel. Mail het ons.
   *[other] { $n } bestanden kwamen niet mee: te groot of te veel. Mail ze ons.
}
received-keep = Schrijf het nummer op, of druk deze pagina af. Het adres van deze pagina is alleen voor u.
received-more = Hebt u meer te melden? Mail { $address } en zet { $reference } in het onderwerp.
received-another = Meld iets anders
received-none = Alleen wie een nummer ziet, heeft gemeld.
