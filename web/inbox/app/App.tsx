import { QueryClientProvider } from '@tanstack/react-query';
import { useState } from 'react';
import { I18nProvider, RouterProvider } from 'react-aria-components';
import { ToastRegion } from '../ui';
import { ErrorBoundary } from './ErrorBoundary';
import { EventsProvider } from './EventsProvider';
import { Layout } from './Layout';
import { LOCALE } from './locale';
import { createQueryClient } from './queries';
import { Routes } from './Routes';
import { navigate } from './router';
import { SessionProvider } from './session';

export function App() {
  const [client] = useState(createQueryClient);
  return (
    <I18nProvider locale={LOCALE}>
      <RouterProvider navigate={(to) => navigate(to)}>
        <QueryClientProvider client={client}>
          <ErrorBoundary isWholePage>
            <SessionProvider>
              <EventsProvider>
                <Layout>
                  <Routes />
                </Layout>
              </EventsProvider>
            </SessionProvider>
          </ErrorBoundary>
          <ToastRegion />
        </QueryClientProvider>
      </RouterProvider>
    </I18nProvider>
  );
}
