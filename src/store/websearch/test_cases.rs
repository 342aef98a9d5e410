//! Searches that find the same on both engines.

/// The texts that are searched.
pub const QUESTIONS: [&str; 6] = [
    "How much is delivery to Norway?",
    "Do you deliver on Sundays?",
    "Where is my order?",
    "Can I return an order by e-mail?",
    "Gibt es Öffnungszeiten?",
    "AND OR NOT NEAR title body",
];

/// A search, and the indexes of the questions that it finds, in ascending order.
pub const SEARCHES: [(&str, &[usize]); 20] = [
    ("deliver", &[0, 1]),
    ("delivery norway", &[0]),
    ("NORWAY Sundays", &[]),
    ("norway or sundays", &[0, 1]),
    ("norway OR OR sundays or", &[0, 1]),
    ("deliver -norway", &[1]),
    ("deliver -\"on sundays\"", &[0]),
    ("\"my order\"", &[2]),
    ("\"order my\"", &[]),
    ("\"my ord\"", &[]),
    ("order or deliver -norway", &[1, 2, 3]),
    ("-order", &[0, 1, 4, 5]),
    ("-order or -deliver", &[0, 1, 2, 3, 4, 5]),
    ("-order -my or -my", &[0, 1, 3, 4, 5]),
    ("-\"my order\"", &[0, 1, 3, 4, 5]),
    ("e-mail", &[3]),
    ("offnung", &[4]),
    ("ÖFFNUNGSZEITEN?", &[4]),
    ("hidden", &[]),
    ("\"my order", &[2]),
];
