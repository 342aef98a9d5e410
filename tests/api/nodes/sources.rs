//! Websites that one of several nodes learns.

use super::Nodes;
use crate::helpers::string;
use crate::sources::{Website, by_key, create, documents, sources, wait_for_end};

#[test]
fn source_that_one_node_learns_is_refused_and_deleted_on_another() {
    let website = Website::start(&[("/a.html", "Mugs"), ("/b.html", "WAIT")]);
    let nodes = Nodes::start_with(|settings| settings.learn_private_network = true);
    let Some(nodes) = nodes else { return };
    let source = create(&nodes.a, &website.sitemap()).expect(201);
    let path = format!("/sources/{}", string(&source["id"]));
    let other = format!("http://{}/a.html", website.address);
    create(&nodes.b, &other).expect_error(409, "CONFLICT");
    let again = by_key(&nodes.b, "POST", &format!("{path}/learn")).send();
    again.expect_error(409, "CONFLICT");
    assert_eq!(by_key(&nodes.b, "DELETE", &path).send().status, 204);
    assert_eq!((documents(&nodes.a), sources(&nodes.a).len()), (0, 0));
    // The run has ended, so the project can learn another source.
    create(&nodes.a, &other).expect(201);
    assert_eq!(wait_for_end(&nodes.a)["status"], "done");
}
