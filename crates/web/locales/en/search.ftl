# Search.
search = Search
search-for = Search: { $q }
search-lead = In everything you may see: subject, text, attachments, observables, boards. Typing mistakes are fine.
search-label = What are you looking for?
search-hint = A reference, a board, a word, or an observable such as 192.0.2.0/24.
search-do = Search
search-none = Nothing found for { $q }
search-none-text = Check the spelling, or search for part of the word.
search-count = { $n ->
    [one] 1 found
   *[other] { $n } found
}
search-corrected = Nothing for **{ $typed }**; searched for **{ $read }**.
hit-report = report
hit-incident = incident
hit-board = board
hit-observable = observable
met-reference = reference
met-title = title
met-subject = subject
met-sender = sender
met-text = text
met-body = text
met-attachment = attachment
met-observable = observable
met-board = board
met-other = found
