# Eerste keer, en nazicht.
first-run = Van wie is deze desk?
first-run-lead = Eén formulier, dan kan deze desk een melding aannemen. Mail voor het adres wordt intussen al bewaard en beantwoord.
first-run-code = Code
first-run-code-hint = Ze staat op de terminal waar Bolwerk gestart is. Ze werkt één keer.
first-run-organisation = Naam van het team
first-run-organisation-hint = Zo staat ze op de publieke pagina.
first-run-address = Het ene adres
first-run-address-hint = Besturen schrijven naar dit adres. Wij antwoorden ermee.
first-run-phone = Telefoonnummer van de wacht
first-run-phone-hint = Mag leeg. Het staat groot op de publieke pagina.
first-run-languages = Talen van de publieke pagina
first-run-languages-hint = De eerste is de gewone.
first-run-you = Het eerste account
first-run-name = Je naam
first-run-name-hint = Zo lezen je collega's hem.
first-run-login = Aanmeldnaam
first-run-login-hint = Zonder spaties.
first-run-password = Wachtwoord
first-run-do = Open de desk
field-language-nl = talen
mistake = { $field }: { $why }.
checks = Kan deze desk vannacht een melding aannemen?
checks-lead = { $n ->
    [6] Ja. Alle zes zijn in orde, elk met zijn bewijs.
   *[other] In orde: { $n } van 6, elk met zijn bewijs. Wat open is, zegt wat je kunt doen.
}
check-account = Er is iemand van wacht
check-account-proof = { $name }. { $n ->
    [one] Eén account in het geheel.
   *[other] { $n } accounts in het geheel.
}
check-phone = Er is een nummer om te bellen
check-phone-proof = { $phone } staat op de publieke pagina en in elk bericht van ontvangst.
check-phone-todo = Wie om 3 uur geen mail meer heeft, kan je niet bellen.
check-phone-do = Zet het nummer bij de instellingen
check-storage = Wat binnenkomt, wordt bewaard
check-storage-proof = { $n ->
    [one] 1 feit staat
   *[other] { $n } feiten staan
} veilig in het journaal. Het laatste:
check-mail-in = Mail komt binnen
check-mail-in-proof = De laatste kwam op
check-mail-in-todo = Nog geen mail gezien. Stuur er een naar { $address }.
check-mail-out = Mail gaat weg
check-mail-out-proof = Er is een uitgang, en de laatste poging lukte.
check-mail-out-todo = Er is geen uitgang. Start Bolwerk met --relay, of stel hem in.
check-mail-out-failing = De uitgang antwoordt niet sinds { $since }.
check-backup = De back-up is ooit teruggezet
check-open-phone = Er is geen nummer om te bellen
check-open-storage = Er is nog niets bewaard
check-open-mail-in = Er kwam nog geen mail binnen
check-open-mail-out = Er gaat nog geen mail weg
check-open-backup = Werd een back-up ooit teruggezet?
check-backup-todo = Dat weet deze desk niet. Doe het één keer, nu:
check-backup-then = en zet hem daarna terug, op een andere machine:
checks-test = Stuur een testmelding
checks-duty = Naar de wacht
check-backup-proof = { $name } zette { $backup } van { $made } terug. Gezegd op
restore-backup = Naam van de back-up
restore-made-at = Wanneer gemaakt
restore-made-at-hint = Zoals 02:00, gisteren 2:00 of 15 dec 2022 02:00. Tijd van Brussel.
restore-say = Dit heb ik teruggezet
templates-lead = Antwoorden die je vaak schrijft. Wat de wacht kiest, blijft te wijzigen voor het weggaat.
template-new = Schrijf een sjabloon
template-change = Wijzig dit sjabloon
template-copy = maak er een eigen van
template-withdraw = haal weg
template-shipped = Meegeleverd
template-title = Naam voor de wacht
template-hint = {"{name}"}, {"{reference}"}, {"{board}"} en {"{phone}"} worden ingevuld. Noem niemand.

# A test mail, from the checks.
test-mail-to = Jouw mailadres
test-mail-hint = De mail gaat de weg van elke andere. Hij hoort bij een melding die meteen gesloten is; ze blijft in het journaal.
test-mail-do = Stuur mij een testmail
test-mail-subject = Testmail van de desk
test-mail-text = Dit is een testmail: de desk kan mail versturen. Antwoord erop, dan weet je ook dat er mail binnenkomt.
test-mail-report-text = Testmail, gevraagd bij het nazicht van de desk. Hier is niets aan de hand.
test-mail-standing-waiting = Je testmail staat klaar om te gaan.
test-mail-standing-retrying = Je testmail is nog niet weg.
test-mail-standing-sent = Je testmail is weg. Kijk of hij aankomt, ook bij de ongewenste mail.
test-mail-standing-failed = Je testmail is niet weg, en wordt niet meer geprobeerd.
test-mail-standing-bounced = Je testmail kwam terug.
test-mail-standing-withdrawn = Je testmail is tegengehouden.
test-mail-whom = Aan { $to }.
test-mail-said = De mailserver zei:
test-mail-look = Kijk opnieuw
test-mail-report = De melding
done-test-mail = De testmail is gevraagd.
