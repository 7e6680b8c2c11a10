# La page publique : appeler, la première heure, signaler.
public-title = Votre administration est touchée ? Appelez maintenant.
public-title-no-phone = Votre administration est touchée ? Signalez-le maintenant.
public-mend = Votre signalement n'est pas encore parti.
public-lead = Jour et nuit. Dans la demi-heure, vous parlez à quelqu'un.
public-lead-no-phone = Jour et nuit. Dans la demi-heure, quelqu'un vous appelle.
public-duty = La garde
public-duty-of = La garde de { $team }
public-quick = Accès rapide
public-call = Appelez la garde
public-report-short = Signalez ici
public-report = Ou signalez ici, sans compte
public-report-only = Signalez ici, sans compte
public-board = Quelle administration ?
public-board-hint = Commune, CPAS, zone de police, maison de repos … Vous ne savez pas ? Laissez vide.
public-name = Votre nom
public-phone = À quel numéro vous joindre maintenant ?
public-phone-hint = Un numéro privé convient.
public-email = Votre adresse mail
public-email-hint = De préférence pas celle de l'administration : l'attaquant lit peut-être. Une des deux suffit.
public-hit = C'est en cours.
public-hit-hint = Nous vous appelons dans la demi-heure.
public-what = Que se passe-t-il ?
public-what-hint = Quelques mots suffisent. N'écrivez pas de mot de passe ici.
public-files = Photos ou fichiers
public-files-hint = Facultatif. Au plus { $n } fichiers, { $size } ensemble.
public-files-kept = Nous avons déjà ces fichiers : { $names }.
public-send = Envoyez le signalement
public-promise = Vous voyez aussitôt un numéro, comme **M-7KQ4-92XD**. Alors seulement, votre signalement est arrivé. Pas de numéro ? Appelez.
public-promise-no-phone = Vous voyez aussitôt un numéro, comme **M-7KQ4-92XD**. Alors seulement, votre signalement est arrivé. Pas de numéro ? Réessayez.
public-mail = Vous préférez un mail ? { $address }. Nous ne jetons aucun mail, même illisible.
public-data = Nous seuls lisons ce que vous écrivez. Tout est conservé chiffré.
public-err-reach = Comment vous joindre ? Donnez un numéro de téléphone ou une adresse mail.
public-err-phone = Téléphone : ceci n'est pas un numéro. Écrivez des chiffres, comme 0470 00 00 00.
public-err-email = Mail : ceci n'est pas une adresse. Écrivez-la comme nom@exemple.be.
public-err-what = Que se passe-t-il ? Écrivez une phrase. Cela suffit.
public-err-what-long = Que se passe-t-il ? C'est trop long. Tenez-vous à { $n } signes.
public-err-long = C'est trop long. Tenez-vous à { $n } signes.
public-err-broken = Fichiers : l'envoi s'est interrompu. Choisissez-les à nouveau, ou envoyez sans fichiers.
public-err-frozen = Ceci n'est pas enregistré. Notre stockage ne répond pas. Votre texte est encore là. Appelez, ou réessayez.
public-note-left-out = Bolwerk : { $n ->
    [one] 1 fichier n'est pas arrivé
   *[other] { $n } fichiers ne sont pas arrivés
} : trop grand ou trop nombreux.
public-note-trap = Bolwerk : un champ invisible était rempli. Peut-être une machine.
public-note-many = Bolwerk : un nombre inhabituel de signalements de la même adresse en une heure.
received-title = Votre signalement est arrivé
received-number = Votre numéro est
received-at = Arrivé le
received-next = Ce qui se passe maintenant
received-call-by = Nous vous appelons avant
received-read = Quelqu'un lit votre signalement et vous répond.
received-no-call = Pas de nouvelles ? Appelez-nous et donnez votre numéro.
received-left-out = { $n ->
    [one] 1 fichier n'est pas arrivé : trop grand ou trop nombreux. Envoyez-le par mail.
   *[other] { $n } fichiers ne sont pas arrivés : trop grands ou trop nombreux. Envoyez-les par mail.
}
received-keep = Notez le numéro, ou imprimez cette page. Son adresse n'est que pour vous.
received-more = Autre chose à signaler ? Écrivez à { $address } avec { $reference } en objet.
received-another = Signaler autre chose
received-none = Sans numéro affiché, rien n'est signalé.
