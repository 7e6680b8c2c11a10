#![no_main]
use desk::testing::Story;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static STORY: Story = fuzz::story();
}

fuzz_target!(|data: &[u8]| STORY.with(|story| desk::fuzzing::hints(data, &story.desk)));
