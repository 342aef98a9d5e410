//! Tests of the small talk in all languages.

use super::SmallTalk::{self, Bye, Greeting, Identity, Insult, Test, Thanks};
use super::{KINDS, PHRASES, is_small_talk};
use crate::answer::handover::Language;

/// A message of each kind, by language.
const MESSAGES: [(&str, [(&str, SmallTalk); 6]); 16] = [
    (
        "en",
        [
            ("hi there!", Greeting),
            ("Thank you so much, that helps", Thanks),
            ("bye", Bye),
            ("Are you a bot?", Identity),
            ("test", Test),
            ("you are stupid!!", Insult),
        ],
    ),
    (
        "de",
        [
            ("Guten Tag", Greeting),
            ("vielen Dank für die Hilfe", Thanks),
            ("Tschüss", Bye),
            ("Bist du ein Roboter?", Identity),
            ("nur ein Test", Test),
            ("du bist dumm", Insult),
        ],
    ),
    (
        "es",
        [
            ("¡Hola, buenas tardes!", Greeting),
            ("muchas gracias por la ayuda", Thanks),
            ("adiós", Bye),
            ("¿Eres un robot?", Identity),
            ("esto es una prueba", Test),
            ("eres inútil", Insult),
        ],
    ),
    (
        "fr",
        [
            ("Bonjour", Greeting),
            ("merci beaucoup pour votre aide", Thanks),
            ("au revoir", Bye),
            ("Êtes-vous un robot ?", Identity),
            ("c'est un test", Test),
            ("tu ne sers à rien", Insult),
        ],
    ),
    (
        "pt",
        [
            ("Olá, bom dia", Greeting),
            ("muito obrigada", Thanks),
            ("até logo", Bye),
            ("Você é um robô?", Identity),
            ("isto é um teste", Test),
            ("que merda", Insult),
        ],
    ),
    (
        "it",
        [
            ("Buongiorno", Greeting),
            ("grazie mille per l'aiuto", Thanks),
            ("arrivederci", Bye),
            ("Sei un robot?", Identity),
            ("questa è una prova", Test),
            ("sei inutile", Insult),
        ],
    ),
    (
        "pl",
        [
            ("Dzień dobry", Greeting),
            ("dziękuję za pomoc", Thanks),
            ("do widzenia", Bye),
            ("Czy jesteś botem?", Identity),
            ("to jest test", Test),
            ("jesteś głupi", Insult),
        ],
    ),
    (
        "tr",
        [
            ("Merhaba", Greeting),
            ("çok teşekkür ederim", Thanks),
            ("görüşürüz", Bye),
            ("Sen bir robot musun?", Identity),
            ("bu bir test", Test),
            ("aptalsın", Insult),
        ],
    ),
    (
        "ja",
        [
            ("こんにちは！", Greeting),
            ("どうもありがとうございます", Thanks),
            ("さようなら", Bye),
            ("あなたはロボットですか？", Identity),
            ("テストです", Test),
            ("役立たず", Insult),
        ],
    ),
    (
        "zh",
        [
            ("你好！", Greeting),
            ("非常感谢你的帮助", Thanks),
            ("再见", Bye),
            ("你是机器人吗？", Identity),
            ("这是测试", Test),
            ("真没用", Insult),
        ],
    ),
    (
        "ko",
        [
            ("안녕하세요", Greeting),
            ("정말 감사합니다", Thanks),
            ("안녕히 계세요", Bye),
            ("로봇인가요?", Identity),
            ("테스트입니다", Test),
            ("멍청이", Insult),
        ],
    ),
    (
        "ar",
        [
            ("السلام عليكم", Greeting),
            ("شكرا جزيلا", Thanks),
            ("مع السلامة", Bye),
            ("هل أنت روبوت؟", Identity),
            ("هذا اختبار", Test),
            ("أنت غبي", Insult),
        ],
    ),
    (
        "el",
        [
            ("Γεια σας", Greeting),
            ("ευχαριστώ πολύ", Thanks),
            ("αντίο", Bye),
            ("Είσαι ρομπότ;", Identity),
            ("αυτό είναι τεστ", Test),
            ("είσαι άχρηστος", Insult),
        ],
    ),
    (
        "uk",
        [
            ("Добрий день", Greeting),
            ("щиро дякую за допомогу", Thanks),
            ("до побачення", Bye),
            ("Ви робот?", Identity),
            ("це просто тест", Test),
            ("ти дурний", Insult),
        ],
    ),
    (
        "hi",
        [
            ("नमस्ते", Greeting),
            ("बहुत धन्यवाद", Thanks),
            ("अलविदा", Bye),
            ("क्या आप रोबोट हैं?", Identity),
            ("यह टेस्ट है", Test),
            ("तुम बेकार हो", Insult),
        ],
    ),
    (
        "vi",
        [
            ("Xin chào", Greeting),
            ("cảm ơn bạn rất nhiều", Thanks),
            ("tạm biệt", Bye),
            ("Bạn có phải là robot không?", Identity),
            ("đây là test", Test),
            ("đồ ngu", Insult),
        ],
    ),
];

#[test]
fn small_talk_is_recognized_in_every_language() {
    for (tag, messages) in MESSAGES {
        let language = Language::from_tag(tag);
        for (text, kind) in messages {
            let expected = language.map(|language| (kind, language));
            assert_eq!(SmallTalk::detect(text, language), expected, "{tag}: {text}");
            assert!(is_small_talk(text), "{tag}: {text}");
        }
    }
}

#[test]
fn questions_about_the_assistant_are_small_talk() {
    for text in [
        "who are you?",
        "Hi, who am I talking to?",
        "wer bist du",
        "Hallo, bist du ein Mensch?",
        "¿quién eres?",
        "qui es-tu ?",
        "chi sei?",
        "kim jesteś?",
        "sen kimsin",
        "あなたは誰ですか",
        "你是谁？",
        "누구세요?",
        "من أنت؟",
        "ποιος είσαι;",
        "хто ти?",
        "आप कौन हैं?",
        "bạn là ai?",
        "quem é você?",
    ] {
        let kind = SmallTalk::detect(text, None).map(|(kind, _)| kind);
        assert_eq!(kind, Some(Identity), "{text}");
    }
}

#[test]
fn emphasis_and_punctuation_make_no_difference() {
    for text in [
        "hiiii",
        "HELLO!!!",
        "heyyy :)",
        "  thx... ",
        "Danke, danke!",
        "ok, thanks",
    ] {
        assert!(is_small_talk(text), "{text}");
    }
}

#[test]
fn other_messages_are_no_small_talk() {
    for text in [
        "",
        "\0",
        "?",
        "ok",
        "Hi, how long does delivery take?",
        "thanks, and how do I return it?",
        "thanks for nothing, where is my parcel",
        "test drive booking",
        "can I test the bike before I buy it?",
        "do you sell robots?",
        "which bot protection do you use?",
        "who are your suppliers?",
        "good morning tea set",
        "can I talk to a person?",
        "human please",
        "Kann ich mit einem Menschen sprechen?",
        "How many people fit in the tent?",
        "Hallo, wo ist mein Paket?",
        "Testversion kündigen",
        "danke, aber wo ist die Rechnung?",
        "prueba gratis",
        "gracias, ¿y el envío?",
        "merci de me rembourser",
        "test d'allergie",
        "obrigado, mas onde está o pedido?",
        "prova gratuita",
        "kiedy dostanę paczkę, dziękuję",
        "test sürümü ne kadar",
        "テスト環境の作り方",
        "你好，怎么退货？",
        "테스트 기간은 얼마인가요",
        "شكرا، أين طلبي؟",
        "ευχαριστώ, πού είναι το δέμα;",
        "тест драйв",
        "धन्यवाद, मेरा ऑर्डर कहाँ है?",
        "cảm ơn, đơn hàng của tôi ở đâu?",
    ] {
        assert_eq!(SmallTalk::detect(text, None), None, "{text}");
    }
}

#[test]
fn every_language_has_all_replies() {
    for language in Language::ALL {
        let phrases = &PHRASES[&language];
        let names = KINDS.iter().map(|(name, _)| *name);
        for name in names.chain(["unknown", "page"]) {
            assert!(phrases.replies.contains_key(name), "{language:?}: {name}");
        }
        assert!(phrases.replies["page"].contains("{page}"), "{language:?}");
        for (_, kind) in KINDS {
            let mut entries = phrases.entries.iter();
            assert!(
                entries.any(|(_, other)| *other == Some(kind)),
                "{language:?}: {kind:?}"
            );
        }
    }
}
