//! Writes every page of the sample into a folder, in both languages and in light and dark: `cargo run -p web --example render DIR`.

use desk::accounts::Theme;
use desk::house::Language;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "shots".to_owned());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder.join("d"))?;
    let assets = web::assets::assets();
    for asset in [&assets.style, &assets.script, &assets.mark, &assets.mail] {
        std::fs::write(folder.join(&asset.path[1..]), asset.bytes)?;
    }
    for language in [Language::Nl, Language::En] {
        for (theme, mark) in [(Theme::Light, ""), (Theme::Dark, "-dark")] {
            for (name, page) in web::sample::pages(language, theme) {
                let page = page
                    .into_string()
                    .replace("\"/d/", "\"d/")
                    .replace("<script ", "<script data-off=\"1\" type=\"x\" ");
                std::fs::write(folder.join(format!("{name}-{}{mark}.html", language.tag())), page)?;
            }
        }
    }
    Ok(())
}
