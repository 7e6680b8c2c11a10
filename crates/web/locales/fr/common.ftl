# Autour de chaque page publique.
brand = Bolwerk
skip = Vers le contenu
language = Langue
language-name-nl = Nederlands
language-name-en = English
language-name-fr = Français
language-name-de = Deutsch
demo-mark = démo, inventée
demo-foot = Démo : tout est inventé ici, sauf ce qui était déjà public d'Anvers, Diest et Willebroek. Situation et taille des communes : Statbel (CC BY 4.0).
title-mistaken = Erreur :
busy = en cours …
form-mistakes = { $n ->
    [one] Encore 1 chose, puis cela peut partir
   *[other] Encore { $n } choses, puis cela peut partir
}
problem-not-found = Cette page n'existe pas, ou n'est pas pour vous
problem-not-found-text = Vérifiez l'adresse.
problem-too-large = C'est trop grand
problem-too-large-text = Envoyez moins à la fois, ou par mail.
problem-slow = Cela a duré trop longtemps
problem-slow-text = La connexion est lente. Réessayez.
problem-unforeseen = Cela n'a pas réussi
problem-unforeseen-text = L'erreur est de notre côté. Réessayez, ou appelez la garde.
