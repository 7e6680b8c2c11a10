# Die öffentliche Seite: anrufen, die erste Stunde, melden.
public-title = Ist Ihre Verwaltung betroffen? Rufen Sie jetzt an.
public-title-no-phone = Ist Ihre Verwaltung betroffen? Melden Sie es jetzt.
public-mend = Ihre Meldung ist noch nicht abgeschickt.
public-lead = Tag und Nacht. Binnen einer halben Stunde sprechen Sie mit einem Menschen.
public-lead-no-phone = Tag und Nacht. Binnen einer halben Stunde ruft ein Mensch Sie an.
public-duty = Die Bereitschaft
public-duty-of = Die Bereitschaft: { $team }
public-quick = Schnell
public-call = Rufen Sie an
public-report-short = Melden Sie es hier
public-report = Oder melden Sie es hier, ohne Konto
public-report-only = Melden Sie es hier, ohne Konto
public-board = Welche Verwaltung?
public-board-hint = Gemeinde, ÖSHZ, Polizeizone, Pflegeheim … Sie wissen es nicht? Lassen Sie es leer.
public-name = Ihr Name
public-phone = Unter welcher Nummer erreichen wir Sie jetzt?
public-phone-hint = Eine private Nummer genügt.
public-email = Ihre Mailadresse
public-email-hint = Besser keine der Verwaltung selbst: Der Angreifer liest vielleicht mit. Eine von beiden genügt.
public-hit = Es geschieht jetzt.
public-hit-hint = Wir rufen Sie binnen einer halben Stunde an.
public-what = Was geschieht?
public-what-hint = Wenige Worte genügen. Schreiben Sie hier keine Passwörter.
public-files = Fotos oder Dateien
public-files-hint = Freiwillig. Höchstens { $n } Dateien, zusammen { $size }.
public-files-kept = Diese Dateien haben wir schon: { $names }.
public-send = Meldung absenden
public-promise = Sie sehen sofort eine Nummer wie **M-7KQ4-92XD**. Erst dann ist Ihre Meldung angekommen. Keine Nummer? Rufen Sie an.
public-promise-no-phone = Sie sehen sofort eine Nummer wie **M-7KQ4-92XD**. Erst dann ist Ihre Meldung angekommen. Keine Nummer? Versuchen Sie es erneut.
public-mail = Lieber eine Mail? { $address }. Wir werfen keine Mail weg, auch keine unlesbare.
public-data = Nur wir lesen, was Sie schreiben. Es wird verschlüsselt aufbewahrt.
public-err-reach = Wie erreichen wir Sie? Geben Sie eine Telefonnummer oder eine Mailadresse an.
public-err-phone = Telefon: Das ist keine Nummer. Schreiben Sie nur Ziffern, etwa 0470 00 00 00.
public-err-email = Mail: Das ist keine Adresse. Schreiben Sie sie wie name@beispiel.be.
public-err-what = Was geschieht? Schreiben Sie einen Satz. Das genügt.
public-err-what-long = Was geschieht? Das ist zu lang. Höchstens { $n } Zeichen.
public-err-long = Das ist zu lang. Höchstens { $n } Zeichen.
public-err-broken = Dateien: Das Senden brach ab. Wählen Sie sie erneut, oder senden Sie ohne Dateien.
public-err-frozen = Das ist nicht gespeichert. Unser Speicher antwortet nicht. Ihr Text steht noch da. Rufen Sie an, oder versuchen Sie es erneut.
public-note-left-out = Bolwerk: { $n ->
    [one] 1 Datei kam
   *[other] { $n } Dateien kamen
} nicht mit: zu groß oder zu viele.
public-note-trap = Bolwerk: Ein Feld, das Menschen nicht sehen, war ausgefüllt. Vielleicht eine Maschine.
public-note-many = Bolwerk: ungewöhnlich viele Meldungen von derselben Adresse in einer Stunde.
received-title = Ihre Meldung ist angekommen
received-number = Ihre Nummer ist
received-at = Angekommen am
received-next = Was jetzt geschieht
received-call-by = Wir rufen Sie an vor
received-read = Ein Mensch liest Ihre Meldung und antwortet Ihnen.
received-no-call = Sie hören nichts? Rufen Sie an und nennen Sie Ihre Nummer.
received-left-out = { $n ->
    [one] 1 Datei kam nicht mit: zu groß oder zu viele. Mailen Sie sie uns.
   *[other] { $n } Dateien kamen nicht mit: zu groß oder zu viele. Mailen Sie sie uns.
}
received-keep = Notieren Sie die Nummer, oder drucken Sie diese Seite. Ihre Adresse ist nur für Sie.
received-more = Haben Sie mehr zu melden? Schreiben Sie an { $address } mit { $reference } im Betreff.
received-another = Etwas anderes melden
received-none = Nur wer eine Nummer sieht, hat gemeldet.
