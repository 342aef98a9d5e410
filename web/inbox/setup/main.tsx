import '../ui/theme.css';
import { createRoot } from 'react-dom/client';
import { EmptyState } from '../ui';

const root = document.getElementById('root');
if (root) createRoot(root).render(<EmptyState icon="settings" title="Set up" />);
