// The main job, as a person does it: a mail comes in, is answered, becomes an incident. With and without script, in both languages, and by
// keyboard alone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, demo, firstRun, language, send, serve, sizes, until, visit } from "./harness.mjs";

let chromium;
before(async () => { chromium = await browser(); });
after(async () => { await chromium?.close(); });

const subject = "alle servers versleuteld";
const answer = "Wij bellen u binnen het half uur.";
const mail = `From: IT <it@stad.example>\nSubject: ${subject}\nMessage-ID: <1@stad.example>\n\nWij zijn gehackt, alles ligt plat. 192.0.2.7\n`;

/** Presses a button, and waits for the page that answers. */
const press = (page, selector) => Promise.all([page.waitForNavigation(), page.locator(selector).first().click()]);

for (const javaScriptEnabled of [true, false]) {
  for (const tag of ["nl", "en"]) {
    test(`a mail becomes an answered report and an incident, in ${tag}, ${javaScriptEnabled ? "with" : "without"} script`, async () => {
      const desk = await serve();
      try {
        const page = await visit(chromium, desk, { javaScriptEnabled, size: javaScriptEnabled ? sizes.desktop : sizes.phone });
        await firstRun(page, desk);
        await language(page, desk, tag);
        await page.goto(`${desk.base}/wacht`);
        await send(desk.smtp, "it@stad.example", mail);
        const row = page.locator("#queue [data-row]", { hasText: subject });
        if (javaScriptEnabled) await row.waitFor({ timeout: 20_000 });
        else await until("the mail is in the queue", async () => (await page.goto(`${desk.base}/wacht`), row.isVisible()));
        await Promise.all([page.waitForNavigation(), row.click()]);
        const reference = page.url().match(/M-[0-9A-Z]{4}-[0-9A-Z]{4}/)[0];

        await press(page, 'form[action$="/neem"] button');
        assert.ok(await page.locator("#queue [data-row] .chip.acc", { hasText: tag === "nl" ? "jij" : "you" }).count(), await page.locator("#queue").innerText());

        await page.goto(`${desk.base}/melding/${reference}/antwoord`);
        await page.fill("textarea[name=text]", answer);
        await press(page, "main button[value=preview]");
        const preview = await page.locator("main").innerText();
        assert.ok(preview.includes("it@stad.example") && preview.includes(answer), preview);
        await press(page, "main button[value=send]");
        await page.goto(`${desk.base}/uitgaand`);
        const letter = page.locator("#outbox li", { hasText: answer });
        assert.equal(await letter.count(), 1, "the answer waits in the outbox");
        // Nothing takes mail here, so that it can be taken back, and sent after all.
        await Promise.all([page.waitForNavigation(), letter.locator('form[action="/uitgaand/trek-in"] button').click()]);
        assert.equal(await page.locator('#outbox li:has-text("' + answer + '") form[action="/uitgaand/trek-in"]').count(), 0);
        await Promise.all([page.waitForNavigation(), letter.locator('form[action="/uitgaand/opnieuw"] button').click()]);
        assert.equal(await letter.locator('form[action="/uitgaand/trek-in"]').count(), 1);

        for (const undone of [true, false]) {
          await page.goto(`${desk.base}/melding/${reference}`);
          await press(page, '[data-key="1"]');
          if (!page.url().includes("/incident/I-")) await press(page, "main form button.first");
          assert.match(page.url(), /\/incident\/I-[0-9A-Z]{4}-[0-9A-Z]{4}/);
          if (undone) {
            await press(page, 'form[action="/ongedaan"] button');
            await page.goto(`${desk.base}/melding/${reference}`);
            assert.equal(await page.locator('[data-key="1"]').count(), 1, "the report is to be judged again");
          }
        }
        const incident = page.url().match(/\/incident\/I-[0-9A-Z]{4}-[0-9A-Z]{4}/)[0];
        await page.fill("textarea[name=text]", "Servers afgezet, politie gebeld");
        await press(page, "form:has(textarea[name=text]) button[type=submit]");
        assert.ok((await page.locator(".tl").innerText()).includes("Servers afgezet, politie gebeld"));
        await page.goto(`${desk.base}${incident}?tab=gesprek`);
        const talk = await page.locator("main").innerText();
        assert.ok(talk.includes(subject) && talk.includes(answer), talk);
        await page.goto(`${desk.base}/incidenten`);
        assert.ok((await page.locator("main").innerText()).includes(subject));
        assert.deepEqual(page.wrong, []);
        await page.context().close();
      } finally {
        await desk.stop();
      }
    });
  }
}

test("a report is judged, answered and worked on by keyboard alone", async () => {
  const desk = await demo();
  try {
    const page = await visit(chromium, desk);
    const keys = async (...list) => { for (const key of list) await page.keyboard.press(key); };
    const goes = (where, ...list) => Promise.all([page.waitForURL(where, { timeout: 20_000 }), keys(...list)]);
    /** Walks by Tab until this has the focus, as far as there is anything. */
    const tabTo = async (selector) => {
      for (let step = 0; step < 120; step++) {
        if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return;
        await page.keyboard.press("Tab");
      }
      assert.fail(`Tab does not lead to ${selector} on ${page.url()}`);
    };
    await page.goto(`${desk.base}/wacht`);
    await keys("?");
    await page.waitForSelector("dialog[open]");
    await keys("Escape", "j", "j");
    await goes(/open=M-/, "Enter");
    const reference = page.url().match(/M-[0-9A-Z]{4}-[0-9A-Z]{4}/)[0];

    // Mine, an answer, and its undo while it waits.
    await Promise.all([page.waitForNavigation(), keys("a")]);
    await page.waitForSelector("#queue [aria-current] .chip.acc");
    await goes(/antwoord/, "r");
    await page.keyboard.type(answer);
    await tabTo("button[value=preview]");
    await Promise.all([page.waitForNavigation(), keys("Enter")]);
    await tabTo("button[value=send]");
    await Promise.all([page.waitForNavigation(), keys("Enter")]);
    await page.goto(`${desk.base}/demo/post`);
    assert.ok((await page.content()).includes(answer), "the answer left");

    // No incident, undone, and an incident after all.
    await page.goto(`${desk.base}/wacht?open=${reference}`);
    await Promise.all([page.waitForNavigation(), keys("3")]);
    await page.goto(`${desk.base}/melding/${reference}`);
    await Promise.all([page.waitForNavigation(), keys("z")]);
    await page.goto(`${desk.base}/wacht?open=${reference}`);
    await Promise.all([page.waitForNavigation(), keys("1")]);
    if (!page.url().includes("/incident/I-")) { await tabTo("main form button.first"); await goes(/\/incident\/I-/, "Enter"); }

    // A decision in its timeline, a task, and back to the list.
    await keys("b");
    await page.keyboard.type("Alles van het net");
    await tabTo("form:has(textarea[name=text]) button[type=submit]");
    await Promise.all([page.waitForNavigation(), keys("Enter")]);
    assert.ok((await page.locator(".tl").innerText()).includes("Alles van het net"));
    await goes(/incidenten/, "g", "i");
    await keys("/");
    await page.keyboard.type("firewall");
    await goes(/q=firewall/, "Enter");

    // The palette leads anywhere.
    await keys("Control+k");
    await page.waitForSelector("#palette[open]");
    await page.keyboard.type(reference);
    await page.waitForSelector(`#pal-list a[href*="${reference}"]`);
    await goes(new RegExp(reference), "ArrowDown", "Enter");
    assert.deepEqual(page.wrong, []);
    await page.context().close();
  } finally {
    await desk.stop();
  }
});
