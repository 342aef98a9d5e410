use askama::Template;

macro_rules! empty_page {
    ($name:ident $(, $more:ident: $type:ty)?) => {
        #[derive(Template)]
        #[template(source = "", ext = "html")]
        pub struct $name<'a> {
            pub state: String,
            pub alert: &'a str,
            $(pub $more: $type,)?
        }
    };
}

empty_page!(LoginTemplate, enable_registration: bool);
empty_page!(RegisterTemplate);
empty_page!(ResetPasswordRequestTemplate);
empty_page!(ResetPasswordUpdateTemplate);
empty_page!(ChangePasswordTemplate);
empty_page!(ChangeEmailTemplate);

pub fn hidden_input<T: AsRef<str>>(_name: &str, _value: Option<T>) -> String {
    String::new()
}

pub fn redirect_to<T: AsRef<str>>(_to: Option<T>) -> String {
    String::new()
}
