import { type CSSProperties, useState } from 'react';
import styles from './Avatar.module.css';
import { classes } from './classes';
import { Icon } from './Icon';

export interface AvatarProps {
  /** Null: an anonymous person. */
  name: string | null;
  url?: string | null | undefined;
  /** In pixels. */
  size?: number;
  presence?: 'online' | 'away' | 'offline';
  /** Different persons without a name have different colours. */
  seed?: string;
}

/** A number from 0 to 359 that is the same for the same text. */
export function hueOf(text: string): number {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 3600;
  return hash % 360;
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toUpperCase();
}

/** The picture of a person, or the initials. The name is expected next to it. */
export function Avatar({ name, url, size = 32, presence, seed }: AvatarProps) {
  const [brokenUrl, setBrokenUrl] = useState<string | null>(null);
  const style = {
    width: size,
    height: size,
    fontSize: size * 0.38,
    '--hue': hueOf(seed ?? name ?? ''),
  } as CSSProperties;
  return (
    <span className={styles.avatar} style={style} aria-hidden="true">
      {url && url !== brokenUrl ? (
        <img
          className={styles.image}
          src={url}
          alt=""
          loading="lazy"
          referrerPolicy="no-referrer"
          onError={() => setBrokenUrl(url)}
        />
      ) : name ? (
        initials(name)
      ) : (
        <Icon name="user" size={size * 0.55} />
      )}
      {presence && (
        <span className={classes(styles.presence, presence !== 'offline' && styles[presence])} />
      )}
    </span>
  );
}
