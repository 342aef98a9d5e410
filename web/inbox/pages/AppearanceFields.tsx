import { useState } from 'react';
import type { Project } from '../app/api';
import { Button, Select, TextArea, TextField } from '../ui';
import { ColorField } from './ColorField';

export type Config = Project['chatWidgetConfig'];

export interface AppearanceFieldsProps {
  config: Config;
  onChange: (part: Partial<Config>) => void;
  errorOf: (setting: keyof Config) => string | undefined;
}

const POSITIONS = [
  { id: 'bottom-right', label: 'Bottom right' },
  { id: 'bottom-left', label: 'Bottom left' },
];

export function AppearanceFields(props: AppearanceFieldsProps) {
  const [hasMore, setMore] = useState(false);
  return (
    <>
      <TextFields {...props} />
      <ColorFields {...props} />
      {hasMore ? (
        <MoreFields {...props} />
      ) : (
        <div>
          <Button variant="quiet" icon="chevronDown" onPress={() => setMore(true)}>
            More settings
          </Button>
        </div>
      )}
    </>
  );
}

function TextFields({ config, onChange, errorOf }: AppearanceFieldsProps) {
  return (
    <>
      <TextField
        label="Name"
        description="Replaces the project's name in the chat."
        value={config.displayName ?? ''}
        onChange={(text) => onChange({ displayName: text || null })}
        errorMessage={errorOf('displayName')}
      />
      <TextArea
        label="Welcome message"
        value={config.welcomeMessage}
        onChange={(welcomeMessage) => onChange({ welcomeMessage })}
        rows={2}
        errorMessage={errorOf('welcomeMessage')}
      />
      <TextArea
        label="Questions to start with"
        description="One on each line, up to four."
        value={config.starterQuestions}
        onChange={(starterQuestions) => onChange({ starterQuestions })}
        rows={4}
        errorMessage={errorOf('starterQuestions')}
      />
    </>
  );
}

function ColorFields({ config, onChange, errorOf }: AppearanceFieldsProps) {
  return (
    <>
      <ColorField
        label="Brand colour"
        value={config.brandColor}
        onChange={(color) => onChange({ brandColor: color ?? '' })}
        errorMessage={errorOf('brandColor')}
      />
      <ColorField
        label="Brand colour in dark mode"
        placeholder="derived from the brand colour"
        value={config.brandColorDark}
        onChange={(brandColorDark) => onChange({ brandColorDark })}
        errorMessage={errorOf('brandColorDark')}
      />
      <ColorField
        label="Messages of the visitor"
        value={config.userMessageBubbleColor}
        onChange={(color) => onChange({ userMessageBubbleColor: color ?? '' })}
        errorMessage={errorOf('userMessageBubbleColor')}
      />
      <Select
        label="Corner of the window"
        options={POSITIONS}
        selectedKey={config.position}
        onSelectionChange={(key) => onChange({ position: key as Config['position'] })}
      />
    </>
  );
}

/** A field for a setting that may be null. */
function OptionalField(
  props: AppearanceFieldsProps & {
    name: 'assistantAvatar' | 'chatButtonIcon' | 'privacyUrl';
    label: string;
  },
) {
  const { config, onChange, errorOf, name, label } = props;
  return (
    <TextField
      label={label}
      type="url"
      placeholder="https://"
      value={config[name] ?? ''}
      onChange={(text) => onChange({ [name]: text.trim() || null })}
      errorMessage={errorOf(name)}
    />
  );
}

function MoreFields(props: AppearanceFieldsProps) {
  const { config, onChange, errorOf } = props;
  return (
    <>
      <OptionalField {...props} name="privacyUrl" label="Privacy notice (URL)" />
      <OptionalField {...props} name="assistantAvatar" label="Picture of the assistant (URL)" />
      <OptionalField {...props} name="chatButtonIcon" label="Icon of the button (URL)" />
      <ColorField
        label="Colour of the button"
        placeholder="the brand colour"
        value={config.chatButtonColor}
        onChange={(chatButtonColor) => onChange({ chatButtonColor })}
        errorMessage={errorOf('chatButtonColor')}
      />
      <ColorField
        label="Messages of the visitor in dark mode"
        placeholder="derived from the light colour"
        value={config.userMessageBubbleColorDark}
        onChange={(userMessageBubbleColorDark) => onChange({ userMessageBubbleColorDark })}
        errorMessage={errorOf('userMessageBubbleColorDark')}
      />
      <TextField
        label="Text of the empty input field"
        value={config.inputPlaceholder}
        onChange={(inputPlaceholder) => onChange({ inputPlaceholder })}
        errorMessage={errorOf('inputPlaceholder')}
      />
      <NumberField {...props} name="width" label="Width in pixels" />
      <NumberField {...props} name="maxHeight" label="Maximum height in pixels" />
      <NumberField {...props} name="bubbleRadius" label="Radius of corners in pixels" />
      <NumberField {...props} name="baseFontSize" label="Size of the text in pixels" />
      <TextArea
        label="CSS"
        description="Added to the styles of the chat."
        value={config.customCSSStyles}
        onChange={(customCSSStyles) => onChange({ customCSSStyles })}
        rows={4}
        errorMessage={errorOf('customCSSStyles')}
      />
    </>
  );
}

type NumberName = 'width' | 'maxHeight' | 'bubbleRadius' | 'baseFontSize';

function NumberField(props: AppearanceFieldsProps & { name: NumberName; label: string }) {
  const { config, onChange, errorOf, name, label } = props;
  return (
    <TextField
      label={label}
      inputMode="numeric"
      value={String(config[name])}
      onChange={(text) => onChange({ [name]: Number(text.replace(/\D/g, '')) })}
      errorMessage={errorOf(name)}
    />
  );
}
