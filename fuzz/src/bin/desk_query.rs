#![no_main]
use desk::testing::Story;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static STORY: Story = fuzz::story();
}

fuzz_target!(|data: &[u8]| {
    desk::fuzzing::query(data);
    let text = String::from_utf8_lossy(data);
    STORY.with(|story| {
        let found = story.lens(story.duty).search(&text, 0, 20);
        assert!(found.total >= found.next.map_or(0, |next| next as usize));
        // A partner sees none of it, and so nothing of it is found.
        assert_eq!(story.lens(story.outsider).search(&text, 0, 20).total, 0);
    });
});
