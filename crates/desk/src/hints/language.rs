//! Which language a text is in, from words that only one of the four has.

use super::words::Word;
use crate::house::Language;

const NL: &str = "het een ik wij ons onze niet zijn voor aan maar ook naar bij kan kunnen wat deze dit geen nog hebben heeft jullie \
    graag groeten van met er op te wordt worden werd kregen krijgen onder zonder hoe wanneer waar vraag bedankt dank beste dag goedemorgen \
    goeiemorgen goedenavond geachte mvg vriendelijke alvast gelieve uw gemeente stad contactpersoon wel omdat toch even vandaag";
const EN: &str = "the and are you our not to of for with this that has have been please can your from it be regards hello dear would \
    should could there their they which what when how any since today thanks thank all us my i would at by or if";
const FR: &str = "le la les et est nous vous je pas une un dans pour sur avec notre nos que qui au aux ce cette sont avons votre bonjour \
    merci depuis du par il ne plus madame monsieur cordialement bien avez commune ville mais ou ont mon ma mes quand comment peut";
const DE: &str = "der das und ist nicht wir ich sie ein eine mit auf für von dem zu im haben hat wird unser unsere auch oder als werden \
    können bitte guten tag grüße grüssen freundlichen sehr geehrte sind wurde wurden seit uns ihre ihr vielen dank aber noch nach bei";

/// So many words of a language at least, for a text that has words of no other.
const ALONE_MIN: usize = 2;
/// So many for a text that has some of another, and then twice as many as of that.
const MIXED_MIN: usize = 4;

/// The language, where sure.
pub(super) fn guess(words: &[Word<'_>]) -> Option<Language> {
    static LISTS: std::sync::LazyLock<std::collections::HashMap<String, Vec<Language>>> =
        std::sync::LazyLock::new(|| {
            let mut lists: std::collections::HashMap<String, Vec<Language>> = std::collections::HashMap::new();
            for (language, list) in [(Language::Nl, NL), (Language::En, EN), (Language::Fr, FR), (Language::De, DE)] {
                for word in list.split_whitespace() {
                    let of = lists.entry(crate::folding::squeezed(word)).or_default();
                    if !of.contains(&language) {
                        of.push(language);
                    }
                }
            }
            lists
        });
    let mut counts = [0usize; 4];
    for word in words {
        // A word of two languages tells nothing.
        if let Some([language]) = LISTS.get(&word.folded).map(Vec::as_slice) {
            counts[*language as usize] += 1;
        }
    }
    let mut ranked: Vec<(usize, Language)> = Language::ALL.into_iter().map(|l| (counts[l as usize], l)).collect();
    ranked.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let ((best, language), (second, _)) = (ranked[0], ranked[1]);
    let sure = if second == 0 { best >= ALONE_MIN } else { best >= MIXED_MIN && best >= 2 * second };
    sure.then_some(language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hints::words::words;

    #[test]
    fn four_languages_are_told_apart_and_doubt_is_admitted() {
        let of = |text: &str| guess(&words("", text));
        assert_eq!(of("Wij kunnen niet meer aanmelden, wat moeten we doen?"), Some(Language::Nl));
        assert_eq!(of("We cannot sign in any more, what should we do?"), Some(Language::En));
        assert_eq!(of("Nous ne pouvons plus nous connecter depuis ce matin."), Some(Language::Fr));
        assert_eq!(of("Wir können uns nicht mehr anmelden, bitte um Hilfe."), Some(Language::De));
        assert_eq!(of("ok"), None);
        assert_eq!(of("FW: factuur 2022-1188"), None);
        assert_eq!(of(""), None);
    }
}
