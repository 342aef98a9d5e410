import { useMutation } from '@tanstack/react-query';
import { errorText, fieldError } from './errors';

export interface Submit<Input> {
  submit: (input: Input) => void;
  isPending: boolean;
  /** Why the field of this name of the API is invalid. */
  errorOf: (field: string) => string | undefined;
  /** The error that belongs to none of the `fields`. */
  error: string | null;
  reset: () => void;
}

/**
 * Sends a form.
 *
 * @param fields the names of the fields that show their own errors
 */
export function useSubmit<Input, Output>(
  fields: readonly string[],
  send: (input: Input) => Promise<Output>,
  onSuccess: (output: Output) => void,
): Submit<Input> {
  const mutation = useMutation<Output, unknown, Input>({ mutationFn: send, onSuccess });
  const invalid = mutation.error ? fieldError(mutation.error) : null;
  const isOfField = invalid !== null && fields.includes(invalid.field);
  return {
    submit: (input) => mutation.mutate(input),
    isPending: mutation.isPending,
    errorOf: (field) => (isOfField && invalid.field === field ? invalid.reason : undefined),
    error: mutation.error && !isOfField ? errorText(mutation.error) : null,
    reset: () => mutation.reset(),
  };
}
