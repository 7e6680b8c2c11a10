# Um jede öffentliche Seite.
brand = Bolwerk
skip = Zum Inhalt
language = Sprache
language-name-nl = Nederlands
language-name-en = English
language-name-fr = Français
language-name-de = Deutsch
demo-mark = Demo, erfunden
demo-foot = Demo: Alles hier ist erfunden, außer was über Antwerpen, Diest und Willebroek schon öffentlich war. Lage und Größe der Gemeinden: Statbel (CC BY 4.0).
title-mistaken = Fehler:
busy = läuft …
form-mistakes = { $n ->
    [one] Noch 1 Sache, dann kann es weg
   *[other] Noch { $n } Sachen, dann kann es weg
}
problem-not-found = Diese Seite gibt es nicht, oder nicht für Sie
problem-not-found-text = Prüfen Sie die Adresse.
problem-too-large = Das ist zu groß
problem-too-large-text = Senden Sie weniger auf einmal, oder mailen Sie es.
problem-slow = Das dauerte zu lange
problem-slow-text = Die Verbindung ist langsam. Versuchen Sie es erneut.
problem-unforeseen = Das ist nicht gelungen
problem-unforeseen-text = Der Fehler liegt bei uns. Versuchen Sie es erneut, oder rufen Sie an.
