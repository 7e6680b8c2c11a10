// The main job, as a person does it: a mail comes in, is answered, becomes an incident. With and without script.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, demo, firstRun, send, serve, sizes, until, visit } from "./harness.mjs";

let chromium;
before(async () => { chromium = await browser(); });
after(async () => { await chromium?.close(); });

for (const javaScriptEnabled of [true, false]) {
  test(`a mail becomes an answered report and an incident, ${javaScriptEnabled ? "with" : "without"} script`, async () => {
    const desk = await serve();
    try {
      const page = await visit(chromium, desk, { javaScriptEnabled, size: javaScriptEnabled ? sizes.desktop : sizes.phone });
      await firstRun(page, desk);
      await page.goto(`${desk.base}/wacht`);
      await send(desk.smtp, "it@stad.example", "From: IT <it@stad.example>\nSubject: alle servers versleuteld\nMessage-ID: <1@stad.example>\n\nWij zijn gehackt, alles ligt plat. 192.0.2.7\n");
      if (javaScriptEnabled) {
        await page.waitForSelector("text=alle servers versleuteld", { timeout: 20_000 });
      } else {
        await until("the mail is in the queue", async () => (await page.goto(`${desk.base}/wacht`), page.getByText("alle servers versleuteld").first().isVisible()));
      }
      const reference = (await page.content()).match(/M-[0-9A-Z]{4}-[0-9A-Z]{4}/)[0];
      await page.goto(`${desk.base}/melding/${reference}/antwoord`);
      await page.fill("textarea[name=text]", "Wij bellen u binnen het half uur.");
      for (let step = 0; step < 2 && page.url().includes("antwoord"); step++) {
        await Promise.all([page.waitForNavigation(), page.locator("main form:has([name=text]) button").last().click()]);
      }
      await page.goto(`${desk.base}/uitgaand`);
      assert.ok((await page.content()).includes("it@stad.example"), "the answer waits in the outbox");
      assert.deepEqual(page.wrong, []);
      await page.context().close();
    } finally {
      await desk.stop();
    }
  });
}

test("the queue is worked by keyboard alone", async () => {
  const desk = await demo();
  try {
    const page = await visit(chromium, desk);
    await page.goto(`${desk.base}/wacht`);
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open], [role=dialog]", { timeout: 5_000 });
    await page.keyboard.press("Escape");
    const rows = page.locator("a[href*='M-']");
    assert.ok((await rows.count()) > 5);
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL(/M-/, { timeout: 5_000 });
    await page.keyboard.press("g");
    await page.keyboard.press("i");
    await page.waitForURL(/incidenten/, { timeout: 5_000 });
    assert.deepEqual(page.wrong, []);
    await page.context().close();
  } finally {
    await desk.stop();
  }
});
