import { usePanel } from './panel-context';

const MAX_STARTERS = 4;

/** Questions that the visitor can send with one click. */
export function Starters() {
  const { chat, context } = usePanel();
  const { starterQuestions } = context.project.chatWidgetConfig;
  const questions = starterQuestions
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .slice(0, MAX_STARTERS);
  if (questions.length === 0) return null;
  return (
    <ul class="starters">
      {questions.map((question) => (
        <li key={question}>
          <button type="button" onClick={() => chat.send(question)}>
            {question}
          </button>
        </li>
      ))}
    </ul>
  );
}
