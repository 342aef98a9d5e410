use super::*;
use crate::domain::{AssistantId, ProjectId};
use crate::store::postgres::test_database::TestDatabase;
use crate::store::websearch::SearchSyntax;
use crate::store::websearch::test_cases::{QUESTIONS, SEARCHES};
use crate::store::{Store, project};

/// The numbers of the questions that a text finds, in ascending order.
fn search(snapshot: &Snapshot, text: &str) -> Result<Vec<usize>, StoreError> {
    let query = QnaQuery {
        search: WebSearch::parse(text, SearchSyntax::QUESTIONS),
        ..QnaQuery::default()
    };
    let mut numbers = Vec::new();
    let mut rows = page_rows(snapshot, ProjectSeq(1), &query)?;
    rows.read(snapshot, |qna| {
        let number = QUESTIONS.iter().position(|text| *text == qna.question);
        numbers.extend(number);
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    })?;
    assert_eq!(
        count(snapshot, ProjectSeq(1), &query)?,
        numbers.len() as u64
    );
    numbers.sort_unstable();
    Ok(numbers)
}

/// Stores the questions in a project.
fn insert_questions(store: &Store, seq: ProjectSeq) {
    let (project, assistant) = (ProjectId::generate(), AssistantId::generate());
    let project = project::create(seq, project, assistant, "x", Timestamp(0));
    let questions = QUESTIONS.map(|question| NewQna {
        id: QnaId::generate(),
        project: seq,
        question: question.to_owned(),
        answer: "hidden words".to_owned(),
        is_published: true,
        creator_name: None,
        creator_image: None,
        at: Timestamp(1),
    });
    let batch = questions
        .iter()
        .fold(project, |batch, qna| batch.then(qna.create()));
    store.write_blocking(batch).expect("questions");
}

#[test]
fn postgresql_finds_the_questions_that_sqlite_finds() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let store = database.store();
    for seq in [1, 2] {
        insert_questions(&store, ProjectSeq(seq));
    }
    let others: [(&str, &[usize]); 8] = [
        ("", &[0, 1, 2, 3, 4, 5]),
        ("!?", &[]),
        ("NEAR not", &[5]),
        ("1xorder", &[]),
        ("order ①", &[2, 3]),
        ("my\0order", &[2]),
        ("my\norder 'x", &[]),
        ("a & b | !(c) <-> d:*", &[]),
    ];
    for (text, numbers) in SEARCHES.into_iter().chain(others) {
        let found = store.read_blocking(|snapshot| search(snapshot, text));
        assert_eq!(found.expect(text), numbers, "{text}");
    }
}

#[test]
fn shorter_questions_come_first() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    database.execute(
        "INSERT INTO project (seq, id, name, created_at) VALUES (1, decode(md5('1'), 'hex'), 'x', 0); \
         INSERT INTO qna (id, project_seq, question, answer, created_at, updated_at) \
         SELECT decode(md5(question), 'hex'), 1, question, 'x', 1, 1 \
           FROM unnest(ARRAY['Refund', 'Do I get a refund for worn shoes', 'A refund for shoes']) AS question; \
         INSERT INTO passage (project_seq, qna_seq, title, heading, body) \
         SELECT 1, seq, question, '', 'x' FROM qna",
    );
    let store = database.store();
    let query = QnaQuery {
        search: WebSearch::parse("refund", SearchSyntax::QUESTIONS),
        ..QnaQuery::default()
    };
    let questions = store.read_blocking(|snapshot| {
        let mut questions = Vec::new();
        let mut rows = page_rows(snapshot, ProjectSeq(1), &query)?;
        rows.read(snapshot, |qna| {
            questions.push(qna.question.to_owned());
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        Ok::<_, StoreError>(questions)
    });
    let expected = [
        "Refund",
        "A refund for shoes",
        "Do I get a refund for worn shoes",
    ];
    assert_eq!(questions.expect("a page"), expected);
}
