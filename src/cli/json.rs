//! Messages of the contract for programs: field names as in `proto/`, enum values by name, times as RFC 3339 in UTC,
//! whole numbers as numbers, null for a message that is not there. By reflection, so a new field appears by itself.

use super::time::rfc3339;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::wire::time::civil;
use prost::{Message, Name};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, Value as Field,
};
use prost_types::Timestamp;
use serde_json::Value;
use std::sync::LazyLock;

static CONTRACT: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap_or_default());

/// A message as JSON.
pub fn to_json<M: Message + Name>(message: &M) -> Value {
    let descriptor = CONTRACT.get_message_by_name(&M::full_name());
    let bytes = message.encode_to_vec();
    let read = descriptor.and_then(|it| DynamicMessage::decode(it, bytes.as_slice()).ok());
    read.as_ref().map_or(Value::Null, object)
}

/// Several messages as a list.
pub fn all<'a, M: Message + Name + 'a>(messages: impl IntoIterator<Item = &'a M>) -> Value {
    messages.into_iter().map(to_json).collect()
}

/// Takes a field out of an object: what a command shows in another form than the contract has it.
pub fn take(object: &mut Value, name: &str) -> Value {
    object.as_object_mut().and_then(|fields| fields.remove(name)).unwrap_or_default()
}

/// Says in a document that the outcome is not known, and of what: the name and the value of its id.
pub fn unknown(mut document: Value, id: Option<(&str, &str)>) -> Value {
    document["outcome"] = "unknown".into();
    if let Some((name, id)) = id {
        document[name] = id.into();
    }
    document
}

fn object(message: &DynamicMessage) -> Value {
    if message.descriptor().full_name() == Timestamp::full_name() {
        let time = message.transcode_to().ok().as_ref().and_then(civil);
        return time.map_or(Value::Null, |at| rfc3339(at).into());
    }
    let field = |field: FieldDescriptor| {
        let there = !field.supports_presence() || message.has_field(&field);
        let value = there.then(|| value(&field.kind(), &message.get_field(&field)));
        (field.name().to_owned(), value.unwrap_or_default())
    };
    Value::Object(message.descriptor().fields().map(field).collect())
}

fn value(kind: &Kind, field: &Field) -> Value {
    match field {
        Field::Bool(it) => (*it).into(),
        Field::I32(it) => (*it).into(),
        Field::I64(it) => (*it).into(),
        Field::U32(it) => (*it).into(),
        Field::U64(it) => (*it).into(),
        Field::F32(it) => (*it).into(),
        Field::F64(it) => (*it).into(),
        Field::String(it) => it.as_str().into(),
        Field::Bytes(it) => crate::domain::value::id::hex(it).into(),
        Field::EnumNumber(it) => {
            // A number that this program does not know is shown as none at all, as the generated code has it.
            let known = kind.as_enum().map(|names| names.get_value(*it).unwrap_or(names.default_value()));
            known.map_or(Value::Null, |known| known.name().into())
        }
        Field::Message(it) => object(it),
        Field::List(items) => items.iter().map(|it| value(kind, it)).collect(),
        Field::Map(entries) => {
            let kind = kind.as_message().map(|entry| entry.map_entry_value_field().kind());
            let kind = kind.unwrap_or(Kind::String);
            let entry = |(key, it): (&MapKey, &Field)| (key_text(key), value(&kind, it));
            Value::Object(entries.iter().map(entry).collect())
        }
    }
}

fn key_text(key: &MapKey) -> String {
    match value(&Kind::String, &key.clone().into()) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
