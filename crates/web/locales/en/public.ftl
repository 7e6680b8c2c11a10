# The public page: call, the first hour, report.
public-title = Is your organisation under attack? Call now.
public-title-no-phone = Is your organisation under attack? Report it now.
public-mend = Your report has not left yet.
public-lead = Day and night. Within half an hour you speak to a person.
public-lead-no-phone = Day and night. Within half an hour a person calls you.
public-duty = The duty officer
public-duty-of = The duty officer of { $team }
public-quick = Quick
public-call = Call us
public-report-short = Report it here
public-report = Or report it here, without an account
public-report-only = Report it here, without an account
public-board = Which organisation?
public-board-hint = Municipality, welfare centre, police zone, care home … Not sure? Leave it empty.
public-name = Your name
public-phone = At which number do we reach you now?
public-phone-hint = A private number is fine.
public-email = Your e-mail address
public-email-hint = Preferably not one of the organisation itself: the attacker may be reading along. One of the two is enough.
public-hit = It is happening now.
public-hit-hint = We call you within half an hour.
public-what = What is happening?
public-what-hint = It may be short. Do not write passwords here.
public-files = Photos or files
public-files-hint = Optional. At most { $n } files, { $size } together.
public-files-kept = We already have these files: { $names }.
public-send = Send the report
public-promise = You see a number at once, such as **M-7KQ4-92XD**. Only then has your report arrived. No number? Then call.
public-promise-no-phone = You see a number at once, such as **M-7KQ4-92XD**. Only then has your report arrived. No number? Try again.
public-mail = Rather write a mail? { $address }. We never throw a mail away, not even one that we cannot read.
public-data = Only we read what you write. It is stored encrypted.
public-err-reach = How do we reach you? Give a phone number or an e-mail address.
public-err-phone = Phone: this is not a number. Use digits only, for example 0470 00 00 00.
public-err-email = E-mail: this is not an address. Write it like name@example.org.
public-err-what = What is happening? Write one sentence. That is enough.
public-err-what-long = What is happening? This is too long. Keep it to { $n } characters.
public-err-long = This is too long. Keep it to { $n } characters.
public-err-broken = Files: sending was cut off. Choose them again, or send without files.
public-err-frozen = This was not saved. Our storage does not answer. What you wrote is still here. Call, or try again.
public-note-left-out = Bolwerk: { $n ->
    [one] 1 file did
   *[other] { $n } files did
} not come along: too large or too many.
public-note-trap = Bolwerk: a field that people do not see was filled in. Perhaps a machine.
public-note-many = Bolwerk: unusually many reports from the same address within one hour.
received-title = Your report has arrived
received-number = Your number is
received-at = Arrived on
received-next = What happens now
received-call-by = We call you before
received-read = A person reads your report and answers you.
received-no-call = You hear nothing? Call us and give your number.
received-left-out = { $n ->
    [one] 1 file did not come along: too large or too many. Mail it to us.
   *[other] { $n } files did not come along: too large or too many. Mail them to us.
}
received-keep = Write the number down, or print this page. The address of this page is for you alone.
received-more = More to report? Mail { $address } with { $reference } in the subject.
received-another = Report something else
received-none = Only who sees a number has reported.
