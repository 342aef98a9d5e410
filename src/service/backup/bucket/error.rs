//! Explains the errors of object storage in one line, with the remedy.

use object_store::Error;

use super::BucketError;

/// The length of the reason that a service gives.
const MAX_REASON_CHARS: usize = 200;

const CREDENTIALS: &str =
    "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and the permissions of the key";
const BUCKET: &str = "check the name of the bucket and AWS_ENDPOINT_URL";
const NETWORK: &str = "check AWS_ENDPOINT_URL, AWS_REGION and the network";

/// The cause and the remedy of a failed request. The response of the service is not
/// repeated as a whole, because it can contain session tokens.
pub(super) fn explain(error: &Error) -> BucketError {
    let text = error.to_string();
    let code = xml_element(&text, "Code");
    let reason = match (code, xml_element(&text, "Message")) {
        (Some(code), Some(message)) => format!("{code}, {message}"),
        (Some(code), None) => code.to_owned(),
        _ if text.contains('<') => "the service returned an error".to_owned(),
        _ => innermost(error),
    };
    let remedy = match error {
        _ if code == Some("NoSuchBucket") => BUCKET,
        Error::NotFound { .. } => BUCKET,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => CREDENTIALS,
        // The address of the metadata of a virtual machine: there are no credentials.
        _ if text.contains("169.254.") => CREDENTIALS,
        _ => NETWORK,
    };
    BucketError::Failed {
        reason: one_line(&reason),
        remedy,
    }
}

/// The text of an element of the XML that services send.
fn xml_element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    Some(content)
}

/// The text of the first cause, such as "Connection refused".
fn innermost(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(MAX_REASON_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(body: &str) -> String {
        let error = Error::PermissionDenied {
            path: "parlor/x.db".to_owned(),
            source: body.into(),
        };
        explain(&error).to_string()
    }

    #[test]
    fn error_of_a_service_is_shown_without_its_details() {
        let text = explained(
            "Server returned non-2xx status code: 403: <?xml version=\"1.0\"?>\n<Error>\
             <Code>SignatureDoesNotMatch</Code><Message>The request signature does\nnot match\
             </Message><CanonicalRequest>x-amz-security-token:hidden</CanonicalRequest></Error>",
        );
        let expected = "object storage cannot be used: SignatureDoesNotMatch, The request \
                        signature does not match; check AWS_ACCESS_KEY_ID and \
                        AWS_SECRET_ACCESS_KEY, and the permissions of the key";
        assert_eq!(text, expected);
        assert!(!explained("403: <html>hidden</html>").contains("hidden"));
    }
}
