#![no_main]

parlor_fuzz::libfuzzer_target!(parlor_fuzz::search_text::SearchText);
