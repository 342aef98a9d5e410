//! Which columns of a table are the question, the answer and whether it is published.

use csv::StringRecord;

/// The names of the columns, if they are not the usual ones.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct ColumnNames {
    /// The column of the questions [default: question, or its name in other languages, such as Frage]
    #[arg(long, value_name = "NAME")]
    pub question_column: Option<String>,
    /// The column of the answers [default: answer, or its name in other languages, such as Antwort]
    #[arg(long, value_name = "NAME")]
    pub answer_column: Option<String>,
    /// The column that says whether a Q&A is published [default: published, if there is one]
    #[arg(long, value_name = "NAME")]
    pub published_column: Option<String>,
}

const QUESTION_NAMES: &str = "\
    question questions frage fragen pregunta preguntas domanda domande vraag vragen pergunta \
    perguntas pytanie pytania fråga spørgsmål spørsmål kysymys otázka soru вопрос питання 質問 \
    问题 질문";
const ANSWER_NAMES: &str = "\
    answer answers antwort antworten réponse réponses reponse respuesta respuestas risposta \
    risposte antwoord antwoorden resposta respostas odpowiedź odpowiedzi svar vastaus odpověď \
    cevap ответ відповідь 回答 答案 答え 답변";
const PUBLISHED_NAMES: &str = "\
    published public visible active veröffentlicht öffentlich sichtbar aktiv publié publiée \
    publicado publicada pubblicato gepubliceerd opublikowane опубликовано";

/// The index of each column in a row.
#[derive(Debug, PartialEq, Eq)]
pub struct ColumnIndexes {
    pub question: usize,
    pub answer: usize,
    pub published: Option<usize>,
}

impl ColumnIndexes {
    /// Finds the columns.
    ///
    /// # Errors
    /// The reason why a column is missing or not unique.
    pub fn find(header: &StringRecord, names: &ColumnNames) -> Result<Self, String> {
        let find = |name: &Option<String>, usual| index_of(header, name.as_deref(), usual);
        let question = find(&names.question_column, QUESTION_NAMES)?;
        let answer = find(&names.answer_column, ANSWER_NAMES)?;
        let published = find(&names.published_column, PUBLISHED_NAMES)?;
        let missing = || {
            let columns: Vec<_> = header.iter().collect();
            format!(
                "it must be question,answer or question,answer,published, but it is {}; \
                 --question-column and --answer-column name other columns",
                columns.join(",")
            )
        };
        Ok(Self {
            question: question.ok_or_else(missing)?,
            answer: answer.ok_or_else(missing)?,
            published,
        })
    }
}

/// The index of the column `name`, or of the first of the `usual` names.
fn index_of(
    header: &StringRecord,
    name: Option<&str>,
    usual: &str,
) -> Result<Option<usize>, String> {
    let usual = usual.split(' ').filter(|_| name.is_none());
    for candidate in name.into_iter().chain(usual) {
        let columns = header.iter().enumerate();
        let mut same = columns.filter(|(_, column)| is_same_name(column, candidate));
        match (same.next(), same.next()) {
            (Some((index, _)), None) => return Ok(Some(index)),
            (Some(_), Some(_)) => {
                return Err(format!("the column {candidate} occurs more than once"));
            }
            (None, _) => {}
        }
    }
    match name {
        Some(name) => Err(format!("no column has the name {name}")),
        None => Ok(None),
    }
}

fn is_same_name(column: &str, name: &str) -> bool {
    column.trim().to_lowercase() == name.trim().to_lowercase()
}

const TRUE_WORDS: &str = "\
    true yes y 1 on x published wahr ja j veröffentlicht vrai oui verdadero sí si verdadeiro \
    sim vero sì waar prawda tak sant sand tosi kyllä истина да";
const FALSE_WORDS: &str = "\
    false no n 0 off unpublished draft falsch nein entwurf faux non falso não nao onwaar nee \
    fałsz nie falskt nej falsk nei epätosi ei ложь нет";

/// Parses a field that says whether a Q&A is published; an empty field means yes.
///
/// # Errors
/// The reason why the field is invalid.
pub fn parse_published(text: &str) -> Result<bool, String> {
    let word = text.trim().to_lowercase();
    let is_in = |words: &str| words.split(' ').any(|each| each == word);
    if word.is_empty() || is_in(TRUE_WORDS) {
        Ok(true)
    } else if is_in(FALSE_WORDS) {
        Ok(false)
    } else {
        Err(format!(
            "published must be true or false, not {}",
            text.trim()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(header: &[&str], names: &ColumnNames) -> Result<(usize, usize, Option<usize>), String> {
        let indexes = ColumnIndexes::find(&StringRecord::from(header), names)?;
        Ok((indexes.question, indexes.answer, indexes.published))
    }

    #[test]
    fn columns_have_names_of_several_languages_or_those_that_are_given() {
        let usual = ColumnNames::default();
        assert_eq!(find(&["Antwort", "FRAGE"], &usual), Ok((1, 0, None)));
        assert_eq!(
            find(&["Questions", "Réponse", "Public"], &usual),
            Ok((0, 1, Some(2)))
        );
        assert_eq!(
            find(&["frage", "question", "answer"], &usual),
            Ok((1, 2, None))
        );
        let named = ColumnNames {
            question_column: Some("title".to_owned()),
            answer_column: Some("Body".to_owned()),
            published_column: Some("live".to_owned()),
        };
        let header = ["question", "body", "Title", "LIVE"];
        assert_eq!(find(&header, &named), Ok((2, 1, Some(3))));
        let error = find(&["title", "body"], &named).expect_err("no column live");
        assert!(error.contains("live"), "{error}");
        let error = find(&["title", "body"], &usual).expect_err("no column question");
        assert!(
            error.contains("title,body") && error.contains("--question-column"),
            "{error}"
        );
    }

    #[test]
    fn published_is_read_in_several_languages() {
        for text in ["", "TRUE", "WAHR", "Vrai", "1", "ja", "Sí", " yes "] {
            assert_eq!(parse_published(text), Ok(true), "{text}");
        }
        for text in ["FALSE", "FALSCH", "FAUX", "0", "nein", "No", "non"] {
            assert_eq!(parse_published(text), Ok(false), "{text}");
        }
        assert!(parse_published("maybe").is_err());
    }
}
