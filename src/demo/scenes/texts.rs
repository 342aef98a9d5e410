//! The conversations that `scenes` puts into the demo.

use super::{Scene, SceneNote, SceneText, SceneVisitor};
use crate::answer::handover::Language;
use crate::demo::agents::{BEN, MARA, YUKI};
use crate::demo::phrases::DemoAgent;
use crate::demo::timeline::{DAY, HOUR, MINUTE, SECOND};
use crate::domain::WaitingReason;

use SceneText::{Answer, DislikedAnswer, Refusal, Reply, Visitor};

/// Replies to questions without an answer.
const UNKNOWN: &str = "I'm sorry, I don't know that. Could you put your question in other words?";
const UNKNOWN_IN_GERMAN: &str =
    "Das weiß ich leider nicht. Können Sie Ihre Frage anders formulieren?";

/// Replies to a request for a person, and to contact details. They are constants, because
/// the vocabularies of the hand-over take a while to load; a test compares them.
pub const HANDOVER: &str =
    "Of course. Someone from our team will join this chat. Until then, you can keep asking me.";
pub const HANDOVER_IN_SPANISH: &str = "Por supuesto. Alguien de nuestro equipo se unirá a este chat. Mientras tanto, puede seguir preguntándome.";
pub const HANDOVER_IN_GERMAN: &str = "Vielen Dank, ich habe lena.hartmann@mail.example notiert. Jemand aus unserem Team kommt in diesen Chat.";

const AGENT: DemoAgent = DemoAgent {
    name: BEN.name,
    account: Some(BEN.id),
};

const NOBODY: SceneVisitor = SceneVisitor {
    language: Language::English,
    name: None,
    email: None,
    phone: None,
};

/// Texts that the agents use again: name and text.
pub const SAVED_REPLIES: [(&str, &str); 4] = [
    (
        "Ask for a photo",
        "I am sorry about that. Could you send a photo of the article and of the box with its label? Then I can arrange a replacement at once.",
    ),
    (
        "Return label",
        "You can print the label under **My orders → Return an article**. Returns are free within 30 days.",
    ),
    (
        "Looking into it",
        "Thank you for your patience. I am looking into this with our warehouse now and write here as soon as I know more.",
    ),
    (
        "Foto anfordern (Deutsch)",
        "Das tut mir leid. Schicken Sie uns bitte ein Foto des Artikels, dann finden wir gemeinsam die schnellste Lösung.",
    ),
];

pub const SCENES: &[Scene] = &[
    Scene {
        age: 3 * DAY + 2 * HOUR,
        visitor: NOBODY,
        page: ("help/shipping-costs", "Shipping costs"),
        lines: &[
            (8 * SECOND, Visitor("Do you deliver to Greenland?")),
            (3 * SECOND, Refusal(UNKNOWN)),
        ],
        waiting: None,
        is_read: true,
        notes: &[SceneNote {
            after: 3 * HOUR,
            author: BEN,
            text: "The carrier quotes a flat rate of 39 euros, from March. I add a Q&A when the rate is confirmed.",
        }],
    },
    Scene {
        age: 2 * DAY + 5 * HOUR,
        visitor: SceneVisitor {
            language: Language::German,
            ..NOBODY
        },
        page: ("help/de/kaffeemuehle", "Kaffeemühle"),
        lines: &[
            (
                12 * SECOND,
                Visitor("Kann man die Mahlscheiben gegen welche aus Keramik tauschen?"),
            ),
            (4 * SECOND, Refusal(UNKNOWN_IN_GERMAN)),
            (50 * SECOND, Visitor("Schade, trotzdem danke.")),
            (2 * SECOND, Answer("Gern geschehen!")),
        ],
        waiting: None,
        is_read: true,
        notes: &[],
    },
    Scene {
        age: 27 * HOUR,
        visitor: NOBODY,
        page: ("products/1003", "standing desk"),
        lines: &[
            (
                6 * SECOND,
                Visitor("Is there a version of the standing desk for left-handers?"),
            ),
            (4 * SECOND, Refusal(UNKNOWN)),
        ],
        waiting: None,
        is_read: false,
        notes: &[],
    },
    Scene {
        age: 9 * HOUR,
        visitor: SceneVisitor {
            name: Some("Grace Okonkwo"),
            email: Some("grace.okonkwo@mail.example"),
            ..NOBODY
        },
        page: ("help/returns", "Returns"),
        lines: &[
            (
                9 * SECOND,
                Visitor(
                    "I sent back two shirts with one label. Will both be refunded? Can somebody check order A-195310?",
                ),
            ),
            (3 * SECOND, Answer(HANDOVER)),
            (
                11 * MINUTE,
                Reply(
                    &AGENT,
                    "Hi Grace, Ben here. Yes, both: I can see the parcel at our warehouse with two shirts. The refund starts today.",
                ),
            ),
            (4 * MINUTE, Visitor("Wonderful, thank you Ben!")),
        ],
        waiting: None,
        is_read: true,
        notes: &[],
    },
    Scene {
        age: 5 * HOUR + 20 * MINUTE,
        visitor: SceneVisitor {
            name: Some("Nora Quist"),
            ..NOBODY
        },
        page: ("products/1012", "travel mug"),
        lines: &[
            (
                5 * SECOND,
                Visitor("Can you engrave a name on the travel mug?"),
            ),
            (4 * SECOND, Refusal(UNKNOWN)),
            (
                45 * SECOND,
                Visitor("It is a present. Is engraving possible at all?"),
            ),
            (4 * SECOND, Refusal(UNKNOWN)),
        ],
        waiting: Some((WaitingReason::Unanswered, 0)),
        is_read: true,
        notes: &[SceneNote {
            after: 2 * HOUR,
            author: YUKI,
            text: "The engraver in Leiden works with steel mugs and needs about two weeks. I am asking for a price.",
        }],
    },
    Scene {
        age: 2 * HOUR + 35 * MINUTE,
        visitor: SceneVisitor {
            language: Language::German,
            name: Some("Lena Hartmann"),
            email: Some("lena.hartmann@mail.example"),
            phone: Some("+491705550142"),
        },
        page: ("help/de/garantie-reparatur", "Garantie und Reparatur"),
        lines: &[
            (
                10 * SECOND,
                Visitor(
                    "Meine Schreibtischlampe flackert nach fünf Monaten. Ist das ein Garantiefall?",
                ),
            ),
            (
                4 * SECOND,
                Answer(
                    "Die Garantie gilt zwei Jahre ab Lieferung, außer für Verschleiß. Die Bestellbestätigung genügt als Nachweis [1].\n\n[1]: https://shop.example/help/de/garantie-reparatur \"Garantie und Reparatur\"",
                ),
            ),
            (
                2 * MINUTE,
                Visitor(
                    "Danke. Bitte melden Sie sich bei mir unter lena.hartmann@mail.example oder telefonisch unter +49 170 5550142.",
                ),
            ),
            (2 * SECOND, Answer(HANDOVER_IN_GERMAN)),
        ],
        waiting: Some((WaitingReason::Contact, 1)),
        is_read: false,
        notes: &[],
    },
    Scene {
        age: 52 * MINUTE,
        visitor: SceneVisitor {
            name: Some("Oliver Grant"),
            email: Some("oliver.grant@mail.example"),
            ..NOBODY
        },
        page: ("help/damaged-parcel", "Damaged parcel"),
        lines: &[
            (
                14 * SECOND,
                Visitor("My cast-iron pan arrived with a crack in the handle, order A-195873."),
            ),
            (
                4 * SECOND,
                Answer(
                    "Please take a photo of the article and of the box with its label, and reply with it to the order confirmation. We replace it free of charge [1].\n\n[1]: https://shop.example/help/damaged-parcel \"Damaged parcel\"",
                ),
            ),
            (
                3 * MINUTE,
                Visitor("I did that yesterday. Can I talk to a person please?"),
            ),
            (2 * SECOND, Answer(HANDOVER)),
        ],
        waiting: Some((WaitingReason::Requested, 1)),
        is_read: true,
        notes: &[
            SceneNote {
                after: 12 * MINUTE,
                author: MARA,
                text: "His photo is in the support mailbox: damaged in transport, not a fault of the pan.",
            },
            SceneNote {
                after: 31 * MINUTE,
                author: BEN,
                text: "A replacement is reserved in the warehouse. Please confirm his address before it is sent.",
            },
        ],
    },
    Scene {
        age: 17 * MINUTE,
        visitor: NOBODY,
        page: ("products/1015", "baby carrier"),
        lines: &[
            (
                7 * SECOND,
                Visitor("Can I wear the baby carrier on a plane during take-off?"),
            ),
            (
                4 * SECOND,
                DislikedAnswer(
                    "Adults from 1.50 to 1.95 m can wear the carrier. Practise above a bed and with a second person for the first times [1].\n\n[1]: https://shop.example/help/baby-carrier \"Baby carrier\"",
                ),
            ),
            (
                40 * SECOND,
                Visitor("That does not answer it. Do airlines accept it instead of a seat belt?"),
            ),
            (4 * SECOND, Refusal(UNKNOWN)),
        ],
        waiting: Some((WaitingReason::Unanswered, 0)),
        is_read: false,
        notes: &[],
    },
    Scene {
        age: 4 * MINUTE,
        visitor: SceneVisitor {
            language: Language::Spanish,
            name: Some("Inés Carvajal"),
            ..NOBODY
        },
        page: ("es/help/orders", "Seguimiento de pedidos"),
        lines: &[
            (
                9 * SECOND,
                Visitor(
                    "Hola, el pedido A-196102 lleva tres días sin moverse. ¿Puedo hablar con una persona?",
                ),
            ),
            (2 * SECOND, Answer(HANDOVER_IN_SPANISH)),
        ],
        waiting: Some((WaitingReason::Requested, 1)),
        is_read: false,
        notes: &[],
    },
];
