// What a stranger can send, in every field that a stranger can fill: nothing of it runs, is fetched or becomes a part of a page.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { browser, firstRun, mailbox, send, serve, until, visit } from "./harness.mjs";

// Each leaves another context: text, attribute, comment, script, style, address, frame, template, JSON.
const shapes = [
  `<script>alert(1)</script>`, `</textarea><script>alert(1)</script>`, `</title><svg onload=alert(1)>`, `"><img src=x onerror=alert(1)>`,
  `' autofocus onfocus=alert(1) x='`, `--><img src=//evil.example/x.png>`, `]]><script>alert(1)</script>`, `javascript:alert(1)`,
  `<a href="javascript:alert(1)">x</a>`, `<a href="data:text/html,<script>alert(1)</script>">x</a>`, `<iframe srcdoc="<script>alert(1)</script>">`,
  `<meta http-equiv=refresh content="0;url=//evil.example">`, `<base href=//evil.example/>`, `<link rel=stylesheet href=//evil.example/x.css>`,
  `<style>@import "//evil.example/x.css"; body{background:url(//evil.example/x)}</style>`, `<form action=//evil.example><button>x</button></form>`,
  `<object data=//evil.example/x></object><embed src=//evil.example/x>`, `<video src=//evil.example/x poster=//evil.example/y>`,
  `<svg><use href="//evil.example/x#y"/><animate onbegin=alert(1) attributeName=x dur=1s></svg>`, `<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`,
  `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<x onclick=alert(1) tabindex=1 id=x>`, `{{constructor.constructor('alert(1)')()}}`,
  `\${alert(1)}`, `</script><script>alert(1)</script>`, `\u2028\u2029\u202e\u200b\ufeff`, `&lt;script&gt;alert(1)&lt;/script&gt;`, `%3Cscript%3Ealert(1)%3C/script%3E`,
  `../../../../etc/passwd`, `=HYPERLINK("http://evil.example","x")`, `' OR 1=1 --`, `<img srcset="//evil.example/x 1x">`, `<input type=image src=//evil.example/x>`,
  `<div style="background:url(//evil.example/x)">x</div>`, `<button formaction=javascript:alert(1)>x</button>`, `<details open ontoggle=alert(1)>`,
];

function strings() {
  const corpus = process.env.BOLWERK_CORPUS;
  if (!corpus || !existsSync(join(corpus, "hostile"))) {
    console.log("BOLWERK_CORPUS is not set: only the shapes of this file are tried");
    return shapes;
  }
  const read = (name) => readFileSync(join(corpus, "hostile", name), "utf8");
  return [...shapes, ...JSON.parse(read("naughty_strings.json")), ...read("xss_payloads.txt").split("\n")].filter((s) => s.trim());
}

const chunks = (list, size) => Array.from({ length: Math.ceil(list.length / size) }, (_, n) => list.slice(n * size, (n + 1) * size));
const encoded = (text) => `=?utf-8?B?${Buffer.from(text).toString("base64")}?=`;
const oneLine = (text) => text.replace(/[\r\n]+/g, " ");

/** A mail with these strings in its names, subject, text, HTML, file's name and file; raw where a header allows it. */
function mail(list, n) {
  const one = oneLine(list.join(" "));
  const raw = n % 2 === 0;
  const said = (text) => (raw ? text : encoded(text));
  const percent = encodeURIComponent(one.slice(0, 200).toWellFormed()).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  const body = (type, text) => `Content-Type: ${type}; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${Buffer.from(text).toString("base64").replace(/.{76}/g, "$&\n")}`;
  return [
    `From: ${raw ? `"${one.slice(0, 300).replace(/["\\]/g, "\\$&")}"` : encoded(one.slice(0, 300))} <someone@stad.example>`, `To: <${mailbox}>`,
    `Subject: ${said(`${n} ${one.slice(0, 900)}`)}`, `Message-ID: <${n}@stad.example>`, `Reply-To: ${encoded(one.slice(0, 80))} <someone@stad.example>`, `X-Mailer: ${said(one.slice(0, 500))}`,
    `MIME-Version: 1.0`, `Content-Type: multipart/mixed; boundary=grens`, ``, `--grens`,
    `Content-Type: multipart/alternative; boundary=twee`, ``, `--twee`, body("text/plain", list.join("\n")), `--twee`, body("text/html", `<p>${list.join("</p><p>")}</p>`), `--twee--`,
    `--grens`, `Content-Disposition: attachment; filename*=utf-8''${percent}`, body("text/html", list.join("\n")), `--grens--`, ``,
  ].join("\n");
}

/** Whatever of a page could run or ask somebody: our own pages have none of it. */
function foreign(base) {
  const found = [];
  const own = (address) => { try { return new URL(address, base).origin === new URL(base).origin; } catch { return false; } };
  for (const element of document.querySelectorAll("*")) {
    const name = element.localName;
    if (name === "script" && !(element.src && own(element.src)) && !/json/.test(element.type)) found.push(`<script> ${element.textContent.slice(0, 60)}`);
    if (["object", "embed", "base", "applet", "video", "audio", "mglyph"].includes(name)) found.push(`<${name}>`);
    if (name === "meta" && element.httpEquiv && !/^content-security-policy$/i.test(element.httpEquiv)) found.push(`<meta ${element.httpEquiv}>`);
    for (const { name: attribute, value } of element.attributes) {
      if (/^on/i.test(attribute) || attribute === "srcdoc" || attribute === "srcset" || attribute === "style") found.push(`${name}[${attribute}=${value.slice(0, 60)}]`);
      if (/^(src|href|action|formaction|poster|data|xlink:href)$/i.test(attribute) && !/^(tel|mailto):/i.test(value) && !own(value)) found.push(`${name}[${attribute}=${value.slice(0, 60)}]`);
    }
  }
  return found;
}

async function look(page, desk, path) {
  await page.goto(`${desk.base}${path}`);
  const found = await page.evaluate(foreign, desk.base);
  assert.deepEqual(found, [], path);
  assert.deepEqual(page.wrong, [], path);
}

let chromium;
before(async () => { chromium = await browser(); });
after(async () => { await chromium?.close(); });

test("what strangers send by mail stays text", async () => {
  const desk = await serve();
  try {
    const page = await visit(chromium, desk);
    await firstRun(page, desk);
    const lists = chunks(strings(), 80);
    for (const [n, list] of lists.entries()) await send(desk.smtp, "someone@stad.example", mail(list, n));
    const references = await until("all are read", async () => {
      const found = new Set();
      for (let address = "/meldingen"; address;) {
        await page.goto(desk.base + address);
        if (await page.getByText("nog niet gelezen").count()) return null;
        for (const href of await page.$$eval("a[href*='M-']", (links) => links.map((a) => a.getAttribute("href")))) found.add(href.match(/M-[0-9A-Z]{4}-[0-9A-Z]{4}/)[0]);
        address = await page.$$eval("a[rel=next]", (links) => links[0]?.getAttribute("href"));
      }
      return found.size >= lists.length && found;
    });
    assert.equal(references.size, lists.length, "a mail, a report");
    for (const path of ["/wacht", "/meldingen", "/zoek?q=script", "/zoek?q=alert", "/journaal", "/uitgaand"]) await look(page, desk, path);
    for (const reference of references) {
      await look(page, desk, `/melding/${reference}`);
      await look(page, desk, `/melding/${reference}/html`);
    }
    const [reference] = references;
    await look(page, desk, `/melding/${reference}/antwoord`);
    await page.goto(`${desk.base}/melding/${reference}`);
    await Promise.all([page.waitForNavigation(), page.getByRole("button", { name: /^Nieuw incident/ }).first().click()]);
    await page.goto(`${desk.base}/incidenten`);
    const incident = (await page.content()).match(/I-[0-9A-Z]{4}-[0-9A-Z]{4}/)[0];
    for (const path of ["/incidenten", `/incident/${incident}`, `/melding/${reference}`]) await look(page, desk, path);
    await page.context().close();
  } finally {
    await desk.stop();
  }
});

test("what strangers type stays text, and is given back as they typed it", async () => {
  const desk = await serve();
  try {
    const page = await visit(chromium, desk);
    await firstRun(page, desk);
    const outside = await visit(chromium, desk);
    for (const list of chunks(strings(), 240)) {
      const text = list.map(oneLine).join(" ");
      await look(outside, desk, "/melden");
      for (const field of await outside.locator("main input[type=text], main input[type=email], main input[type=tel], main input:not([type]), main textarea").all()) {
        if (await field.isVisible()) await field.evaluate((element, value) => { element.type === "email" && (element.type = "text"); element.value = value; }, text.slice(0, 150).toWellFormed());
      }
      await outside.locator("input[type=file]").setInputFiles({ name: text.slice(0, 80).toWellFormed().replaceAll("/", "_"), mimeType: "text/html", buffer: Buffer.from(text) });
      await Promise.all([outside.waitForNavigation(), outside.locator("main form button").last().click()]);
      assert.deepEqual(await outside.evaluate(foreign, desk.base), []);
      assert.deepEqual(outside.wrong.filter((line) => !line.includes("422")), []);
      outside.wrong.length = 0;
    }
    for (const shape of shapes) {
      const said = encodeURIComponent(shape);
      await look(page, desk, `/zoek?q=${said}`);
      await outside.goto(`${desk.base}/aanmelden?verder=${said}`);
      assert.deepEqual(await outside.evaluate(foreign, desk.base), []);
      await outside.fill("[name=login]", shape);
      await outside.fill("[name=password]", shape);
      assert.ok((await outside.$$eval("form", (forms) => forms.map((form) => form.action))).every((action) => action.startsWith(desk.base)));
    }
    await outside.locator("main form button").first().click();
    assert.deepEqual(await outside.evaluate(foreign, desk.base), []);
    for (const path of ["/wacht", "/meldingen"]) await look(page, desk, path);
  } finally {
    await desk.stop();
  }
});
