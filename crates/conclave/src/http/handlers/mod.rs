//! One function per command: check the shape, hand it to the backend, answer.

pub(super) mod identity;
pub(super) mod recovery;
pub(super) mod room;

use axum::{
    Json,
    extract::{FromRequest, Path, Query, Request, State as Extract, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Api, Backend, Fault, Refused, metrics as text,
    reply::refuse,
    wire::{
        Admit, Appoint, Chat, Deny, DismissNotice, Empty, Identity, Invitation, Kick, Lock,
        NewIdentity, NewMeeting, Opened, Preview, Prune, Pruned, Receive, Received, Source, State,
        Vote,
    },
};

type Answer<T> = Result<Json<T>, Refused>;

pub(super) async fn state<B: Backend>(Extract(api): Extract<Api<B>>) -> Json<State> {
    Json(State::clone(&api.backend.state().borrow()))
}

pub(super) async fn metrics<B: Backend>(Extract(api): Extract<Api<B>>) -> impl IntoResponse {
    let text = text::render(&api.backend.state().borrow(), &api.backend.samples());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

pub(super) async fn create_identity<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<NewIdentity>,
) -> Answer<Identity> {
    length("name", &ask.name, 1_024)?;
    api.backend.create_identity(ask).await.map(Json)
}

pub(super) async fn create_meeting<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<NewMeeting>,
) -> Answer<Opened> {
    length("title", &ask.title, 200)?;
    api.backend.create_meeting(ask).await.map(Json)
}

pub(super) async fn preview<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Invitation>,
) -> Answer<Preview> {
    length("link", &ask.link, 2_048)?;
    api.backend.preview(ask).await.map(Json)
}

pub(super) async fn join<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Invitation>,
) -> Answer<Opened> {
    length("link", &ask.link, 2_048)?;
    api.backend.join(ask).await.map(Json)
}

pub(super) async fn admit<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Admit>,
) -> Answer<Empty> {
    api.backend.admit(ask).await.map(done)
}

pub(super) async fn deny<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Deny>,
) -> Answer<Empty> {
    api.backend.deny(ask).await.map(done)
}

pub(super) async fn kick<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Kick>,
) -> Answer<Empty> {
    api.backend.kick(ask).await.map(done)
}

pub(super) async fn appoint<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Appoint>,
) -> Answer<Empty> {
    api.backend.appoint(ask).await.map(done)
}

pub(super) async fn vote<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Vote>,
) -> Answer<Empty> {
    api.backend.vote(ask).await.map(done)
}

pub(super) async fn lock<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Lock>,
) -> Answer<Empty> {
    api.backend.lock(ask).await.map(done)
}

pub(super) async fn leave<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(Empty {}): Body<Empty>,
) -> Answer<Empty> {
    api.backend.leave().await.map(done)
}

pub(super) async fn end<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(Empty {}): Body<Empty>,
) -> Answer<Empty> {
    api.backend.end().await.map(done)
}

pub(super) async fn prune<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Prune>,
) -> Answer<Pruned> {
    ask.mid.as_ref().map_or(Ok(()), |mid| length("mid", mid, 64))?;
    api.backend.prune(ask).await.map(Json)
}

pub(super) async fn chat<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Chat>,
) -> Answer<Empty> {
    length("text", &ask.text, 4_000)?;
    api.backend.chat(ask).await.map(done)
}

pub(super) async fn dismiss_notice<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<DismissNotice>,
) -> Answer<Empty> {
    length("id", &ask.id, 64)?;
    api.backend.dismiss_notice(ask).await.map(done)
}

pub(super) async fn receive<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Receive>,
) -> Answer<Received> {
    if ask.want.len() > 256 {
        return Err(Refused::new(Fault::Wrong, "more than 256 streams are wanted", "want fewer"));
    }
    api.backend.receive(ask).await.map(Json)
}

/// What `POST /whip` publishes: a camera, unless it says otherwise.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Whip {
    kind: Option<Source>,
}

pub(super) async fn publish<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Query(Whip { kind }): Query<Whip>,
    headers: HeaderMap,
    offer: String,
) -> Result<Response, Refused> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != SDP) {
        return Err(Refused::new(
            Fault::Wrong,
            "the offer is not application/sdp",
            "send an SDP offer as in RFC 9725",
        ));
    }
    let published = api.backend.publish(kind.unwrap_or(Source::Camera), offer).await?;
    let location = format!("/whip/{}", published.id);
    let headers = [(header::CONTENT_TYPE, SDP), (header::LOCATION, location.as_str())];
    Ok((StatusCode::CREATED, headers, published.sdp).into_response())
}

pub(super) async fn unpublish<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Path(id): Path<String>,
) -> Answer<Empty> {
    length("id", &id, 64)?;
    api.backend.unpublish(id).await.map(done)
}

/// A JSON body; one that does not fit is refused in the words of the API.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(explain(&rejection)),
        }
    }
}

fn explain(rejection: &JsonRejection) -> Response {
    // The text names fields and positions, never the values that were sent.
    let next = "send JSON as the handbook shows it";
    refuse(rejection.status(), &rejection.body_text(), next).into_response()
}

fn done((): ()) -> Json<Empty> {
    Json(Empty {})
}

fn length(what: &str, text: &str, most: usize) -> Result<(), Refused> {
    if text.trim().is_empty() || text.len() > most {
        let next = format!("give 1 to {most} bytes");
        return Err(Refused::new(Fault::Wrong, format!("the {what} is empty or too long"), next));
    }
    Ok(())
}

const SDP: &str = "application/sdp";
