import { Page } from '../ui';
import { PasswordSection } from './PasswordSection';
import { ProfileSection } from './ProfileSection';
import { SessionsSection } from './SessionsSection';

export default function AccountPage() {
  return (
    <Page title="Your account">
      <ProfileSection />
      <PasswordSection />
      <SessionsSection />
    </Page>
  );
}
