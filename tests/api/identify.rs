//! POST /v2/identity/identify: tokens of the website's server.

use serde_json::{Value, json};

use crate::helpers::{Response, TestServer, Visitor, string};

/// A token of a website's server. The same as every library makes.
pub fn person_token(secret: &str, claims: &Value) -> String {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64, Engine};
    use hmac::{Hmac, KeyInit, Mac};
    let header = BASE64.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let message = format!("{header}.{}", BASE64.encode(claims.to_string()));
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    let signature = mac.chain_update(&message).finalize().into_bytes();
    format!("{message}.{}", BASE64.encode(signature))
}

/// A publishable key with an identity secret.
pub struct IdentityKey {
    pub id: String,
    pub text: String,
    pub secret: String,
}

impl IdentityKey {
    pub fn create(server: &TestServer) -> Self {
        let post = |path: &str| {
            let request = server.post(format!("/v2{path}"));
            request.bearer(&server.project.private_key)
        };
        let key = post("/keys").json(json!({"kind": "publishable", "name": "Web"}));
        let key = key.send().expect(201);
        let id = string(&key["id"]);
        let secret = post(&format!("/keys/{id}/identity-secret"))
            .send()
            .expect(201);
        Self {
            text: string(&key["key"]),
            secret: string(&secret["identitySecret"]),
            id,
        }
    }

    fn identify(&self, server: &TestServer, claims: &Value) -> Response {
        let token = person_token(&self.secret, claims);
        let request = server.post("/v2/identity/identify");
        request
            .json(json!({"apiKey": self.text, "token": token}))
            .send()
    }
}

fn now_secs() -> i64 {
    parlor::domain::Timestamp::now().seconds()
}

#[test]
fn identified_person_is_the_same_verified_visitor_on_every_device() {
    let server = TestServer::start();
    let key = IdentityKey::create(&server);
    let ann = server.create_visitor("ann");
    let conversation = server.start_conversation(&ann);
    let claims = json!({"sub": "42", "name": "Ann", "email": "ann@mail.example",
        "exp": now_secs() + 600});
    let first = key.identify(&server, &claims).expect(201);
    let visitor = &first["visitor"];
    assert_eq!(
        (&visitor["externalId"], &visitor["name"]),
        (&json!("42"), &json!("Ann"))
    );
    assert_eq!(visitor["type"], "identified");
    assert_ne!(visitor["id"], ann.id.as_str());
    // The conversations of the anonymous visitor stay where they are.
    let token = string(&first["sessionToken"]);
    let list = |token: &str| {
        let list = server
            .get("/v2/conversations")
            .bearer(token)
            .send()
            .expect(200);
        list["total"].clone()
    };
    assert_eq!((list(&token), list(&ann.token)), (json!(0), json!(1)));
    let read = server
        .get(format!("/v2/conversations/{conversation}"))
        .bearer(&token)
        .send();
    read.expect_error(403, "FORBIDDEN");
    // Again, with a new name and the same token twice.
    let claims = json!({"sub": "42", "name": "Anna", "exp": now_secs() + 600});
    for _ in 0..2 {
        let again = key.identify(&server, &claims).expect(200);
        assert_eq!(again["visitor"]["id"], visitor["id"]);
        assert_eq!(again["visitor"]["name"], "Anna");
    }
    let details = server.get(format!("/v2/visitors/{}", string(&visitor["id"])));
    let details = details
        .bearer(&server.project.private_key)
        .send()
        .expect(200);
    assert_eq!(
        (&details["isVerified"], &details["email"]),
        (&json!(true), &json!("ann@mail.example"))
    );
    // A token without an address keeps the signed one.
    assert_eq!(details["isEmailVerified"], true);
    let anonymous = server.get(format!("/v2/visitors/{}", ann.id));
    let anonymous = anonymous
        .bearer(&server.project.private_key)
        .send()
        .expect(200);
    assert_eq!(anonymous["isVerified"], false);
}

#[test]
fn only_an_address_in_a_token_is_verified_and_no_text_replaces_it() {
    let server = TestServer::start();
    let key = IdentityKey::create(&server);
    let claims = json!({"sub": "42", "name": "Ann", "exp": now_secs() + 600});
    let session = key.identify(&server, &claims).expect(201);
    let ann = Visitor::from_json(&session);
    let id = server.start_conversation(&ann);
    let details = || {
        let read = server.get(format!("/v2/visitors/{}", ann.id));
        read.bearer(&server.project.private_key).send().expect(200)
    };
    let change = |body: Value| {
        let request = server.request("PATCH", "/v2/identity/me");
        request.bearer(&ann.token).json(body).send()
    };
    let send = |text: &str| {
        let answer = server.post_message(&ann, &id, text).send().expect(200);
        string(&answer["steps"][0]["content"][0]["text"])
    };
    send("My e-mail is typed@mail.example");
    let typed = details();
    assert_eq!(typed["email"], "typed@mail.example");
    assert_eq!(typed["isVerified"], true);
    assert_eq!(typed["isEmailVerified"], false);
    change(json!({ "email": "typed2@mail.example" })).expect(200);
    assert_eq!(details()["email"], "typed2@mail.example");
    let mut signed = claims.clone();
    signed["email"] = json!("signed@mail.example");
    key.identify(&server, &signed).expect(200);
    let answer = send("My e-mail is typed3@mail.example");
    assert!(answer.contains("signed@mail.example"), "{answer}");
    for email in [json!("typed4@mail.example"), Value::Null] {
        change(json!({ "email": email })).expect_error(403, "FORBIDDEN");
    }
    change(json!({ "phone": "030123456" })).expect(200);
    let kept = details();
    assert_eq!(kept["email"], "signed@mail.example");
    assert_eq!(kept["isEmailVerified"], true);
    signed["email"] = json!("new@mail.example");
    key.identify(&server, &signed).expect(200);
    assert_eq!(details()["email"], "new@mail.example");
}

#[test]
fn visitors_of_the_websites_server_are_verified() {
    let server = TestServer::start();
    let body = json!({"visitor": {"externalId": "42"}});
    let start = server
        .post("/v2/conversations")
        .bearer(&server.project.private_key);
    start.json(body).send().expect(201);
    let verified: i64 = server.query_value("SELECT is_verified FROM visitor");
    assert_eq!(verified, 1);
    // The person is known then.
    let key = IdentityKey::create(&server);
    let claims = json!({"sub": "42", "exp": now_secs() + 600});
    assert_eq!(key.identify(&server, &claims).status, 200);
}

#[test]
fn tokens_that_are_not_valid_are_refused_with_the_remedy() {
    let server = TestServer::start();
    let key = IdentityKey::create(&server);
    let now = now_secs();
    for (claims, remedy) in [
        (json!({"sub": "42", "exp": now - 100}), "has expired"),
        (
            json!({"sub": "42", "exp": now + 600, "iat": now + 300}),
            "check the clock",
        ),
        (
            json!({"sub": "42", "exp": now + 100_000}),
            "at most 24 hours",
        ),
    ] {
        let error = key
            .identify(&server, &claims)
            .expect_error(401, "UNAUTHORIZED");
        assert!(string(&error["message"]).contains(remedy), "{error}");
    }
    let missing = key.identify(&server, &json!({"exp": now + 600}));
    missing.expect_validation_error(
        "token",
        "has an invalid claim. claims must have sub and exp",
    );
    let invalid = key.identify(
        &server,
        &json!({"sub": "1", "email": "x", "exp": now + 600}),
    );
    invalid.expect_validation_error("token", "has an invalid claim. email must be an e-mail");
    let claims = json!({"sub": "42", "exp": now + 600});
    let other = IdentityKey {
        secret: "ids_other".to_owned(),
        ..IdentityKey::create(&server)
    };
    let error = other
        .identify(&server, &claims)
        .expect_error(401, "UNAUTHORIZED");
    assert!(
        string(&error["message"]).contains("identity secret of this key"),
        "{error}"
    );
    let unknown = IdentityKey {
        text: "pk_unknown".to_owned(),
        ..IdentityKey::create(&server)
    };
    unknown
        .identify(&server, &claims)
        .expect_error(401, "UNAUTHORIZED");
    assert_eq!(server.query_value::<i64>("SELECT count(*) FROM visitor"), 0);
}

#[test]
fn identity_is_off_until_a_secret_is_created_and_a_new_secret_replaces_the_old_one() {
    let server = TestServer::start();
    let key = IdentityKey::create(&server);
    let claims = json!({"sub": "42", "exp": now_secs() + 600});
    assert_eq!(key.identify(&server, &claims).status, 201);
    let path = format!("/v2/keys/{}/identity-secret", key.id);
    let post = server
        .post(&path)
        .bearer(&server.project.private_key)
        .send();
    let new = string(&post.expect(201)["identitySecret"]);
    assert!(new.starts_with("ids_") && new.len() == 47, "{new}");
    key.identify(&server, &claims)
        .expect_error(401, "UNAUTHORIZED");
    let key = IdentityKey { secret: new, ..key };
    assert_eq!(key.identify(&server, &claims).status, 200);
    let delete = server
        .request("DELETE", &path)
        .bearer(&server.project.private_key);
    assert_eq!(delete.send().status, 204);
    let error = key
        .identify(&server, &claims)
        .expect_error(403, "FORBIDDEN");
    assert!(string(&error["message"]).contains("POST /keys"), "{error}");
    let list = server
        .get("/v2/keys")
        .bearer(&server.project.private_key)
        .send();
    assert!(!list.text().contains("ids_"));
    // Private keys have no identity.
    let keys = list.expect(200)["data"].as_array().expect("data").clone();
    let private = keys
        .iter()
        .find(|key| key["kind"] == "private")
        .expect("a key");
    let path = format!("/v2/keys/{}/identity-secret", string(&private["id"]));
    let post = server.post(path).bearer(&server.project.private_key).send();
    post.expect_validation_error("keyId", "must be a publishable key");
}
