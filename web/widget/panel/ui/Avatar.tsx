import { useState } from 'preact/hooks';

/** A picture, or the first letter of the name. */
export function Avatar({ name, image }: { name: string; image: string | null | undefined }) {
  const [failed, setFailed] = useState<string | null>(null);
  if (image && image !== failed) {
    return (
      <img
        class="avatar"
        src={image}
        alt=""
        referrerpolicy="no-referrer"
        onError={() => setFailed(image)}
      />
    );
  }
  const [letter = ''] = new Intl.Segmenter().segment(name.trim());
  const text = typeof letter === 'string' ? letter : letter.segment;
  return (
    <span class="avatar letter" aria-hidden="true">
      {text.toUpperCase()}
    </span>
  );
}
