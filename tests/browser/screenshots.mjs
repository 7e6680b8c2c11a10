// Every page of the demonstration, both languages, phone and desktop, light and dark, as pictures to look at:
// node tests/browser/screenshots.mjs [FOLDER], after `cargo build -p bolwerk`. Each run makes the folder anew.
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { browser, demo, language, sizes, visit } from "./harness.mjs";
import { addresses, unfold } from "./pages.mjs";

const folder = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "../../target/screenshots");
const heightMax = 6000; // px; what is longer repeats itself
let made = 0;

/** A name for the picture that says which page it is, the same in every run but for two of one name, which are counted. */
const named = (address) => address.replace(/[MI]-(?!0000)[0-9A-Z]{4}-[0-9A-Z]{4}/, "X").replace(/[^a-z0-9X]+/gi, "-").replace(/^-|-$/g, "") || "root";

async function picture(page, path, size) {
  const height = Math.min(await page.evaluate(() => document.documentElement.scrollHeight), heightMax);
  await page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width: size.width, height } });
  made++;
}

rmSync(folder, { recursive: true, force: true });
const [desk, chromium] = await Promise.all([demo(), browser()]);
try {
  const strangers = ["/aanmelden", "/melden"];
  const others = ["/melden?taal=fr", "/melden?taal=de"]; // what strangers see in two languages more
  for (const tag of ["nl", "en"]) {
    for (const size of Object.values(sizes)) {
      for (const colorScheme of ["light", "dark"]) {
        const to = join(folder, `${tag}-${size.width}-${colorScheme}`);
        mkdirSync(to, { recursive: true });
        const page = await visit(chromium, desk, { size, colorScheme });
        const names = new Map();
        const unique = (name) => {
          names.set(name, (names.get(name) ?? 0) + 1);
          return names.get(name) > 1 ? `${name}-${names.get(name)}` : name;
        };
        await language(page, desk, tag);
        for (const address of [...(await addresses(page, desk)), ...strangers]) {
          await page.goto(`${desk.base}${address}${strangers.includes(address) ? `?taal=${tag}` : ""}`, { waitUntil: "load" });
          const name = unique(named(address));
          await picture(page, join(to, `${name}.png`), size);
          if (await unfold(page)) await picture(page, join(to, `${name}-open.png`), size);
        }
        for (const address of tag === "nl" ? others : []) {
          await page.goto(desk.base + address, { waitUntil: "load" });
          await picture(page, join(to, `${named(address)}.png`), size);
        }
        await page.context().close();
      }
    }
  }
} finally {
  await chromium.close();
  await desk.stop();
}
console.log(`${made} pictures in ${folder}`);
