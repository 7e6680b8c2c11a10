# Rond elke pagina.
brand = Bolwerk
skip = Naar de inhoud
language = Taal
language-name-nl = Nederlands
language-name-en = English
language-name-fr = Français
language-name-de = Deutsch
demo-mark = demo, verzonnen
demo-foot = Demo: alles op deze pagina is verzonnen, behalve wat over Antwerpen, Diest en Willebroek al openbaar was. Ligging en grootte van gemeenten: Statbel (CC BY 4.0).
title-mistaken = Fout:
busy = bezig …
menu = Menu
nav-label = Hoofdmenu
nav-now = Nu
nav-duty = Wacht
nav-incidents = Incidenten
nav-outbox = Uitgaand
nav-sector = Sector
nav-reports = Meldingen
nav-boards = Besturen
nav-account = Verantwoording
nav-journal = Journaal
nav-settings = Instellingen
sign-out = Meld af
strip-person = Jij:
strip-search = Zoek
live = Live
live-lost = Niet live sinds
live-without = Niet live: ververs de pagina
lost-head = Geen verbinding sinds
lost-text = Je ziet de stand van toen. Wat je nu schrijft, blijft op dit toestel.
lost-retry = Probeer opnieuw
mail-no-way = **Mail kan niet weg.** Er is geen uitgang ingesteld. { $n ->
    [0] Er wacht niets.
    [one] Er wacht 1 mail.
   *[other] Er wachten { $n } mails.
}
mail-failing = **Mail raakt niet weg sinds { $since }.** { $n ->
    [one] 1 mail wacht.
   *[other] { $n } mails wachten.
} Wat binnenkomt, blijft binnenkomen.
store-full = **De opslag is vol sinds { $since }.** Lezen gaat. Wat je nu doet, wordt niet bewaard; mail die nu komt, wordt uitgesteld en komt later. Zodra er plaats is, gaat het vanzelf verder.
store-away = **De opslag antwoordt niet sinds { $since }.** Lezen gaat. Wat je nu doet, wordt niet bewaard; mail die nu komt, wordt uitgesteld en komt later. Zodra de opslag terug is, gaat het vanzelf verder.
store-broken = **De opslag is stuk sinds { $since }.** Lezen gaat. Wat je nu doet, wordt niet bewaard; mail die nu komt, wordt uitgesteld en komt later. De beheerder moet de desk herstarten: die kijkt dan alles na.
mail-unfetched = **De mailbox wordt niet meer gelezen sinds { $since }.** Mail die daar aankomt, staat nog niet op deze desk.
mail-look = Bekijk uitgaand
undo = Maak ongedaan
cancel = Annuleer
save = Bewaar
erased = gewist
list-and = { $first } en { $last }
unknown = onbekend
palette-label = Zoek of doe iets
palette-hint = Bestuur, nummer of handeling
palette-go = Ga naar { $place }
phone-take = Neem telefoon op
incident-new = Nieuw incident
keys-title = Toetsen
keys-lead = Letters doen niets terwijl je typt. Je zet ze uit in je instellingen.
key-next = volgende, vorige
key-open = openen
key-back = terug, sluiten
key-decide = beslissen over een melding
key-snooze = sluimeren
key-claim = nemen, toewijzen
key-reply = antwoorden
key-bulk = meerdere kiezen
key-phone = nieuw: telefoonmelding, op elke pagina
key-note = in een incident: een lijn noteren
key-decision = in een incident: een beslissing noteren
key-task = in een incident: een taak noteren
key-undo = ongedaan maken
key-go = ga naar: w wacht, i incidenten, u uitgaand, m meldingen, b besturen, j journaal, p instellingen
key-filter = zoek in deze lijst; waar geen zoekveld staat: overal
key-search = zoek overal
key-help = deze lijst
form-mistakes = { $n ->
    [one] Nog 1 ding, dan kan het weg
   *[other] Nog { $n } dingen, dan kan het weg
}
spelled-0 = Geen
spelled-1 = Eén
spelled-2 = Twee
spelled-3 = Drie
spelled-4 = Vier
spelled-5 = Vijf
spelled-6 = Zes
spelled-7 = Zeven
spelled-8 = Acht
spelled-9 = Negen
spelled-10 = Tien
spelled-11 = Elf
spelled-12 = Twaalf
pages-next = Volgende
pages-first = Eerste
filter = Toon
filter-text = Zoek in deze lijst
filter-all = alle

# Wat net gebeurde.
done-claimed = Je werkt nu aan { $about }.
done-released = { $about } is weer vrij.
done-incident = { $about } hoort nu bij een incident.
done-follow-up = { $about } is een vervolg.
done-duplicate = { $about } is een dubbel.
done-no-incident = { $about }: geen incident.
done-spam = { $about } is ongewenst.
done-snoozed = { $about } sluimert.
done-appraised = { $about } is verbeterd.
done-queued = De mail over { $about } gaat weg.
done-bulk-no-incident = { $n ->
    [one] 1 melding: geen incident.
   *[other] { $n } meldingen: geen incident.
}
done-bulk-spam = { $n ->
    [one] 1 melding: ongewenst.
   *[other] { $n } meldingen: ongewenst.
}
done-bulk-incident = { $n ->
    [one] 1 melding hoort nu bij het incident.
   *[other] { $n } meldingen horen nu bij het incident.
}
done-bulk-claimed = { $n ->
    [one] Je werkt nu aan 1 melding.
   *[other] Je werkt nu aan { $n } meldingen.
}
done-bulk-released = { $n ->
    [one] 1 melding is weer vrij.
   *[other] { $n } meldingen zijn weer vrij.
}
done-bulk-snoozed = { $n ->
    [one] 1 melding sluimert.
   *[other] { $n } meldingen sluimeren.
}
done-bulk-woken = { $n ->
    [one] 1 melding staat weer bij te beoordelen.
   *[other] { $n } meldingen staan weer bij te beoordelen.
}
done-undone = Het is ongedaan gemaakt.
done-changed = { $about } is gewijzigd.
done-noted = Je regel staat in { $about }.
done-task = De taken van { $about } zijn bijgewerkt.
done-observed = Het waarneembaar staat in { $about }.
done-template-set = Het sjabloon is bewaard.
done-template-withdrawn = Het sjabloon is weg.
done-retried = De mail gaat opnieuw weg.
done-preferred = Je voorkeur is bewaard.
done-session-ended = De sessie is beëindigd.
done-person-added = Het account bestaat nu.
done-token-ended = De sleutel werkt niet meer.
done-house = De gegevens van de desk zijn bewaard.
done-opened = Incident { $about } is geopend.

# Een vroeger moment.
moment-label = Een vroeger moment
moment-as-of = Zo was het op { $day }, einde van de dag
moment-as-of-none = Zo stond het op de desk
moment-known-now = zoals we het nu weten
moment-known-at = zoals we het wisten tot plaats { $n } van het journaal
moment-rights = Rechten en labels zijn die van vandaag. Hier verandert niets.
moment-now = Terug naar nu
moment-choose = Kijk naar een vroeger moment
moment-text = Een dag toont wat toen zo was, zoals we het nu weten. Een plaats in het journaal toont wat we toen wisten. Beide samen kan ook.
moment-day = Op het einde van
moment-position = Bekend tot plaats
moment-look = Kijk
moment-from-here = Kijk vanaf hier: wat we toen wisten

# Wat misging.
problem-not-found = Deze pagina is er niet, of niet voor jou
problem-not-found-text = Kijk het adres na, of zoek het nummer.
problem-sign-in = Meld eerst aan
problem-sign-in-text = Je sessie is voorbij. Wat je schreef, staat nog op dit toestel.
problem-forged = Dit formulier werd niet aanvaard
problem-forged-text = Het kwam niet van deze desk, of de pagina is te oud. Ga terug, ververs, en probeer opnieuw.
problem-invalid = Dit is niet bewaard
problem-invalid-text = Een veld klopt niet. Ga terug; wat je schreef, staat er nog.
problem-conflict = Iemand anders wijzigde dit intussen
problem-conflict-text = Er is niets overschreven. Ga terug en kijk wat er nu staat.
problem-too-late = Dit kan niet meer
problem-too-late-text = Iemand was eerder, of het is al gebeurd. Ga terug en kijk wat er nu staat.
problem-erased = De inhoud is gewist
problem-erased-text = Wat er stond, is vernietigd. Het journaal bewijst dat het er was.
problem-too-large = Dit is te groot
problem-too-large-text = Stuur minder in één keer, of mail het.
problem-too-many = Te veel pogingen
problem-too-many-text = Wacht even en probeer opnieuw.
problem-slow = Dit duurde te lang
problem-slow-text = De verbinding is traag. Probeer opnieuw; wat je schreef, staat nog op dit toestel.
problem-frozen = Dit is niet bewaard
problem-frozen-text = De opslag antwoordt niet sinds { $since }. Je tekst staat nog op dit toestel. Probeer opnieuw of bel de wacht.
problem-full = Dit is niet bewaard: de schijf is vol
problem-full-text = De opslag heeft geen plaats meer. Wat je deed, is niet bewaard; wat er al stond wel. Je tekst staat nog op dit toestel. Bel de wacht en de beheerder: zodra er plaats is, werkt het verder.
problem-unforeseen = Dit is niet gelukt
problem-unforeseen-text = De fout ligt bij ons en staat in het logboek. Probeer opnieuw of bel de wacht.
problem-moment = Dit moment kan niet getoond worden
problem-moment-text = Schrijf de dag zoals 15 dec 2022, niet later dan vandaag, en de plaats als een getal uit het journaal. Ga terug en kies opnieuw.
problem-past = In een vroeger moment verandert niets
problem-past-text = Er is niets bewaard. Ga terug naar nu, en doe het daar.
problem-building = Dat moment wordt opgebouwd
problem-building-text = { $n } % is klaar. Deze pagina ververst zichzelf.
problem-building-waits = Anderen kijken naar een ander moment; jij bent de volgende. Deze pagina ververst zichzelf.
problem-back = Naar de wacht
problem-about = Wat er mis is: { $field }: { $why }.

# Waarom een veld niet klopt.
why-empty = vul dit in
why-length = dit is te lang of te kort
why-password = gebruik { $min } tot { $max } tekens
why-mailbox = dit is geen mailadres; schrijf het zoals naam@voorbeeld.be
why-phone = hier staat iets anders dan cijfers; schrijf het zoals 0470 00 00 00
why-signs = hier mogen geen spaties in
why-taken = dit is al in gebruik
why-unknown = dit kennen wij niet
why-past = dit ligt in het verleden
why-future = dit ligt in de toekomst
why-time = dit tijdstip begrijpen wij niet; schrijf het zoals 15 dec 2022 03:04
why-twice = dit uur was er die nacht twee keer; schrijf er CET of CEST bij
why-too-many = dit is er te veel in één keer
why-itself = dit is dezelfde
why-same = dit is het al; kies iets anders
why-team = het team zelf blijft erbij
why-conflict = iemand anders wijzigde dit intussen
why-decided = hierover is al beslist
why-undone = dit is al ongedaan gemaakt
why-undo-gone = dit kan niet meer ongedaan gemaakt worden
why-sent = deze mail is al weg
why-choose = kies er een
why-reference = schrijf een nummer zoals I-7KQ4-92XD
why-day = dit is geen dag; schrijf die zoals 2022-12-15
why-position = dit is geen plaats; schrijf een getal uit het journaal
why-beyond = zo ver is het journaal nog niet
field-op = dag
field-bekend = plaats in het journaal
field-organisation = organisatie
field-address = adres
field-login = aanmeldnaam
field-name = naam
field-label = omschrijving
field-title = titel
field-severity = ernst
field-sector-severity = ernst voor de sector
field-tlp = TLP
field-pap = PAP
field-phase = fase
field-lead = leiding
field-class = soort incident
field-board = bestuur
field-text = tekst
field-why = waarom
field-event-at = tijd
field-assignee = wie
field-due = tegen wanneer
field-value = waarde
field-reason = reden
field-subject = onderwerp
field-to = aan
field-until = tot
field-of = nummer
field-reports = meldingen
field-password = wachtwoord
field-code = code
field-phone = telefoon
field-role = rechten
field-kind = soort
done-password-set = Je wachtwoord is gewijzigd.
done-organisation-added = De organisatie staat erbij.
done-person-disabled = Het account is afgesloten.
done-woken = { $about } staat weer bij te beoordelen.
done-erasure-withdrawn = De wissing van { $about } gaat niet door.
done-mail-withdrawn = De mail is ingetrokken en gaat niet weg.
done-person-enabled = Het account kan weer aanmelden.
done-person-changed = Het account is gewijzigd.
done-organisation-renamed = De organisatie heeft een andere naam.
done-erasure-asked = De wissing van { $about } is gevraagd.
done-erased = { $about } is gewist.
done-held = { $about } is bijgewerkt.
why-last-admin = dit is de laatste beheerder
why-register-loaded = er is al een register
field-account = account
why-circle = dat zou in een kring lopen
why-undecided = beslis eerst over deze melding
why-asked-long-ago = de vraag is te oud; vraag opnieuw
why-cannot-see = deze persoon ziet dit niet
why-changed = dit is intussen gewijzigd
why-countersigned = dit is al bevestigd
why-dropped = dit incident is geschrapt
why-held = wissen is geblokkeerd, dus dit blijft waar het is
why-not-asked = niemand vroeg dit
why-withdrawn = dit is al ingetrokken
why-worked-on = er is al aan gewerkt
field-report = melding
done-merged = { $about } gaat nu daarin voort.
done-parted = { $about } gaat weer apart.
done-split = { $about } is afgesplitst.
done-moved = De gekozen berichten van { $about } zijn verplaatst.
why-merged = dit gaat al in een ander incident voort
why-not-in-incident = dit hoort niet bij het incident
why-others-see = anderen krijgen het dan te zien; verplaats het of beoordeel het opnieuw, en vink aan dat dit mag
why-not-closed = sluit het incident eerst
field-into = incident
field-widen = anderen
field-elsewhere = incident
field-incident = incident
done-restored = Bewaard: de back-up is teruggezet.
field-backup = naam van de back-up
field-made-at = tijd
field-days = hoe lang
field-from = vanaf wanneer
field-source = bron
why-days = schrijf een getal van 1 tot 36525
why-far = dit is meer dan tien jaar ver
why-early = dit is voor het jaar 1900
done-term-set = Bewaard: de termijn is ingesteld.
key-appraise = een melding verbeteren: bestuur, soort
key-tabs = tijdlijn, gesprek, taken, waarneembaren van een incident
key-phase = fase van een incident
key-severity = ernst van een incident
key-lead = leiding van een incident
key-title = titel van een incident
