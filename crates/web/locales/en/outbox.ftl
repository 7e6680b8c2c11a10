# Mail that leaves.
outbox-empty-title = All mail has left
outbox-waiting-title = { $n ->
    [one] One mail is on its way
   *[other] { $spelled } mails are on their way
}
outbox-bad-title = { $n ->
    [one] One mail was not delivered: { $which }
   *[other] { $spelled } mails were not delivered: { $which }
}
outbox-lead = Each mail has one Message-ID and leaves once. The newest is on top.
outbox-none = No mail
outbox-none-text = Nothing fits this choice. Replies and receipts appear here by themselves.
standing-waiting = ready to go
standing-retrying = not yet delivered
standing-sent = left
standing-failed = given up
standing-bounced = came back
standing-since-waiting = ready since
standing-since-retrying = trying since
standing-since-sent = left on
standing-since-failed = given up on
standing-since-bounced = came back on
letter-withdraw = Take back
standing-withdrawn = taken back
standing-since-withdrawn = taken back on
next-try = next try
tries = { $n ->
    [one] 1 try
   *[other] { $n } tries
}
retry = Try again
bounce-look = see
purpose-receipt = receipt
purpose-reply = reply
sink = Sink
sink-open = Open the sink: mails of the demonstration
sink-lead = In the demonstration no mail leaves. { $n ->
    [one] This one would have left.
   *[other] These { $n } would have left.
}
sink-read = Read
