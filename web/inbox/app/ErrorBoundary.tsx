import { Component, type ReactNode } from 'react';
import { Button, classes, copyText, Icon } from '../ui';
import styles from './ErrorBoundary.module.css';

export interface ErrorBoundaryProps {
  children: ReactNode;
  /** After a change of it the content is tried again. */
  resetKey?: string;
  /** There is nothing else on the page. */
  isWholePage?: boolean;
}

/** Shows a page with a report instead of content whose rendering failed. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error: error ?? 'unknown' };
  }

  override componentDidUpdate(previous: ErrorBoundaryProps) {
    const { resetKey } = this.props;
    if (this.state.error !== null && resetKey !== previous.resetKey) this.setState({ error: null });
  }

  override render() {
    const { error } = this.state;
    const { children, isWholePage = false } = this.props;
    return error === null ? children : <Crash error={error} isWholePage={isWholePage} />;
  }
}

function Crash({ error, isWholePage }: { error: unknown; isWholePage: boolean }) {
  const report = reportOf(error);
  const Container = isWholePage ? 'main' : 'div';
  return (
    <Container
      className={classes(styles.crash, isWholePage && styles.whole)}
      role={isWholePage ? undefined : 'alert'}
    >
      <span className={styles.symbol}>
        <Icon name="alert" size={24} />
      </span>
      <h1 className={styles.title}>This page has stopped working</h1>
      <p className={styles.text}>
        Nothing that you have sent is lost, and your drafts are kept. Load the page again. If it
        stops again, copy the report and send it to the operator of this server.
      </p>
      <div className={styles.actions}>
        <Button variant="primary" icon="refresh" onPress={() => location.reload()}>
          Load the page again
        </Button>
        <Button icon="copy" onPress={() => void copyText('report', report)}>
          Copy the report
        </Button>
      </div>
      <details className={styles.details}>
        <summary>Report</summary>
        <pre tabIndex={0}>{report}</pre>
      </details>
    </Container>
  );
}

/** What a developer needs to find the cause. */
function reportOf(error: unknown): string {
  const { stack, message } = error instanceof Error ? error : { stack: '', message: String(error) };
  // The stack begins with the message in some browsers only.
  const trace = stack?.includes(message) ? stack : `${message}\n${stack ?? ''}`;
  const lines = [`Page: ${location.pathname}`, `Time: ${new Date().toISOString()}`];
  return [...lines, `Browser: ${navigator.userAgent}`, '', trace].join('\n').trim();
}
