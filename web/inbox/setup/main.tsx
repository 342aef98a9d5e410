import '../ui/theme.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { I18nProvider } from 'react-aria-components';
import { createRoot } from 'react-dom/client';
import { ErrorBoundary } from '../app/ErrorBoundary';
import { LOCALE } from '../app/locale';
import { createQueryClient } from '../app/queries';
import { ToastRegion } from '../ui';
import { SetupPage } from './SetupPage';

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <I18nProvider locale={LOCALE}>
      <QueryClientProvider client={createQueryClient()}>
        <ErrorBoundary isWholePage>
          <SetupPage />
        </ErrorBoundary>
        <ToastRegion />
      </QueryClientProvider>
    </I18nProvider>,
  );
}
