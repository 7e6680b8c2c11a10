# First run, and its checks.
first-run = Whose desk is this?
first-run-lead = One form, then this desk can take a report. Mail for the address is kept and answered meanwhile.
first-run-code = Code
first-run-code-hint = It is on the terminal where Bolwerk was started. It works once.
first-run-organisation = Name of the team
first-run-organisation-hint = As it stands on the public page.
first-run-address = The one address
first-run-address-hint = Boards write to this address. We answer from it.
first-run-phone = Phone number of the duty officer
first-run-phone-hint = May be empty. It stands large on the public page.
first-run-languages = Languages of the public page
first-run-languages-hint = The first is the usual one.
first-run-you = The first account
first-run-name = Your name
first-run-name-hint = As your colleagues read it.
first-run-login = Login
first-run-login-hint = Without spaces.
first-run-password = Password
first-run-do = Open the desk
field-language-nl = languages
mistake = { $field }: { $why }.
checks = Can this desk take a report tonight?
checks-lead = { $n ->
    [6] Yes. All six are in order, each with its proof.
   *[other] In order: { $n } of 6, each with its proof. What is open says what you can do.
}
check-account = Somebody is on duty
check-account-proof = { $name }. { $n ->
    [one] One account in all.
   *[other] { $n } accounts in all.
}
check-phone = There is a number to call
check-phone-proof = { $phone } stands on the public page and in every receipt.
check-phone-todo = Whoever has no mail left at 3 a.m. cannot call you.
check-phone-do = Set the number in the settings
check-storage = What comes in is kept
check-storage-proof = { $n ->
    [one] 1 fact is
   *[other] { $n } facts are
} safe in the journal. The last:
check-mail-in = Mail arrives
check-mail-in-proof = The last one came on
check-mail-in-todo = No mail seen yet. Send one to { $address }.
check-mail-out = Mail leaves
check-mail-out-proof = There is a way out, and the last try worked.
check-mail-out-todo = There is no way out. Start Bolwerk with --relay, or set it up.
check-mail-out-failing = The way out has not been answering since { $since }.
check-backup = A backup was restored once
check-open-phone = There is no number to call
check-open-storage = Nothing has been kept yet
check-open-mail-in = No mail has come in yet
check-open-mail-out = No mail leaves yet
check-open-backup = Was a backup ever restored?
check-backup-todo = This desk does not know that. Do it once, now:
check-backup-then = and then restore it, on another machine:
checks-test = Send a test report
checks-duty = To the duty desk
check-backup-proof = { $name } restored { $backup } of { $made }. Said on
restore-backup = Name of the backup
restore-made-at = When it was made
restore-made-at-hint = Such as 02:00, yesterday 2:00 or 15 Dec 2022 02:00. Brussels time.
restore-say = I restored this one
templates-lead = Answers that you write often. What the duty officer takes can be changed before it leaves.
template-new = Write a template
template-change = Change this template
template-copy = make one of your own
template-withdraw = take away
template-shipped = Shipped
template-title = Name for the duty officer
template-hint = {"{name}"}, {"{reference}"}, {"{board}"} and {"{phone}"} are filled in. Name nobody.

# A test mail, from the checks.
test-mail-to = Your mail address
test-mail-hint = The mail goes the way of every other. It belongs to a report that is closed at once; that one stays in the journal.
test-mail-do = Send me a test mail
test-mail-subject = Test mail of the desk
test-mail-text = This is a test mail: the desk can send mail. Answer it, and you also know that mail comes in.
test-mail-report-text = Test mail, asked for in the checks of the desk. Nothing is wrong here.
test-mail-standing-waiting = Your test mail is ready to go.
test-mail-standing-retrying = Your test mail has not left yet.
test-mail-standing-sent = Your test mail has left. See whether it arrives, also among the unwanted mail.
test-mail-standing-failed = Your test mail did not leave, and is not tried any more.
test-mail-standing-bounced = Your test mail came back.
test-mail-standing-withdrawn = Your test mail was taken back.
test-mail-whom = To { $to }.
test-mail-said = The mail server said:
test-mail-look = Look again
test-mail-report = The report
done-test-mail = The test mail is asked for.
